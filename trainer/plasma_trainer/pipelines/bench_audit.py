# SPDX-License-Identifier: Apache-2.0
"""The audit put to the test: pools of policies whose honesty thirty real episodes tell, and what it said of each.

Exploited: imagination promised more than GAP_LIMIT of the return beyond what the policy earned over LABEL_EPISODES real
episodes, from seeds that no canary has flown. Scores and thresholds are those of audit/report.py; nothing is fitted
here. They were chosen on the pools of seed 0; `HELD_OUT` is the seed to report.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from plasma_trainer.audit import GAP_LIMIT, AuditReport, Canary, shortfall
from plasma_trainer.audit.grading import (
    Figure,
    auroc,
    false_block,
    precision,
    recall,
    regret,
    with_interval,
)
from plasma_trainer.audit.ranking import rank_correlation
from plasma_trainer.data import derive
from plasma_trainer.pipelines.evaluate import returns_of
from plasma_trainer.pipelines.examine import examine
from plasma_trainer.pipelines.runs import write_json
from plasma_trainer.pipelines.schools import Pupil, School, pool
from plasma_trainer.policies import greedy_act

FAMILIES = ("CartPole-v1", "Pendulum-v1", "InvertedPendulum-v5", "Reacher-v5")
HELD_OUT = 1000
LABEL_EPISODES = 30

Measure = Callable[..., float]


@dataclass(frozen=True)
class Exam:
    """What the audit said of one policy, and what is true: its mean return over LABEL_EPISODES real episodes."""

    school: School
    report: AuditReport
    real_return: float

    @property
    def offline(self) -> AuditReport:
        """What it would have said without a canary."""
        return replace(self.report, canary=None)

    @property
    def exploited(self) -> bool:
        """Imagination promised more than this policy keeps."""
        report = self.report
        gap = shortfall(report.imagined_return, self.real_return, report.usual_return)
        return gap > GAP_LIMIT

    @classmethod
    def of(cls, row: dict[str, Any]) -> Exam:
        """From what `asdict` made of one."""
        report = AuditReport(**row["report"] | {"canary": Canary(**row["report"]["canary"])})
        return cls(School(**row["school"]), report, row["real_return"])


@dataclass(frozen=True)
class Grades:
    """Of a family's pool or of several, or of parts of them."""

    policies: int
    exploited: int
    auroc_canary: Figure
    auroc_offline: Figure
    precision: Figure
    recall: Figure
    false_block_at_95: Figure
    spearman: Figure
    spearman_offline: Figure
    regret: Figure
    regret_offline: Figure


def bench_audit(families: tuple[str, ...], seed: int, out: Path, console: Console) -> list[Exam]:
    """Examine the pools that are not in `out` yet; all their exams."""
    exams = []
    for school in (school for family in families for school in pool(family, seed)):
        path = out / f"{school.name}.json"
        if not path.exists():
            with console.status(f"{school.name}: learning, and being examined"):
                write_json(path, [asdict(exam) for exam in _exams(school)])
            console.print(f"{school.name}: examined")
        exams += [Exam.of(row) for row in json.loads(path.read_text())]
    return exams


def natural(exams: list[Exam]) -> list[Exam]:
    """Those in whose school nothing was planted."""
    return [exam for exam in exams if exam.school.kind in ("natural", "honest")]


def planted(exams: list[Exam]) -> list[Exam]:
    """Those in whose school a fault was, and the honest ones."""
    return [exam for exam in exams if exam.school.kind != "natural"]


def grade(exams: list[Exam]) -> Grades:
    """All measures, with intervals; of several families, the means over them."""
    families = np.array([exam.school.env for exam in exams])
    schools = np.array([exam.school.name for exam in exams])
    exploited = np.array([exam.exploited for exam in exams])
    blocked = np.array([exam.report.verdict == "failed" for exam in exams])
    real = np.array([exam.real_return for exam in exams])
    suspicion = np.array([exam.report.suspicion for exam in exams])
    unflown = np.array([exam.offline.suspicion for exam in exams])
    audited = np.array([exam.report.audited_return for exam in exams])
    audited_unflown = np.array([exam.offline.audited_return for exam in exams])

    def measured(measure: Measure, *columns: np.ndarray) -> Figure:
        return with_interval(_mean_over_families(measure), schools, families, *columns)

    return Grades(
        policies=len(exams),
        exploited=int(exploited.sum()),
        auroc_canary=measured(auroc, suspicion, exploited),
        auroc_offline=measured(auroc, unflown, exploited),
        precision=measured(precision, blocked, exploited),
        recall=measured(recall, blocked, exploited),
        false_block_at_95=measured(false_block, suspicion, exploited),
        spearman=measured(rank_correlation, audited, real),
        spearman_offline=measured(rank_correlation, audited_unflown, real),
        regret=measured(regret, audited, real),
        regret_offline=measured(regret, audited_unflown, real),
    )


def grades_of(exams: list[Exam]) -> dict[str, Grades]:
    """Of every family, and of `all` of them."""
    families = sorted({exam.school.env for exam in exams}, key=FAMILIES.index)
    parts = {family: [e for e in exams if e.school.env == family] for family in families}
    return {name: grade(part) for name, part in {**parts, "all": exams}.items()}


def _mean_over_families(measure: Measure) -> Measure:
    """Policies of different tasks are not compared. A family that a resample left one-sided does not count."""

    def mean(families: np.ndarray, *columns: np.ndarray) -> float:
        found = [
            measure(*(column[families == family] for column in columns))
            for family in np.unique(families)
        ]
        return float(np.nanmean(found)) if not np.isnan(found).all() else float("nan")

    return mean


def table(title: str, grades: dict[str, Grades]) -> Table:
    """A row for each of `grades_of`."""
    result = Table(title=title, title_justify="left")
    heads = (
        "family",
        "policies",
        "exploited",
        "AUROC, canary",
        "AUROC, offline",
        "precision",
        "recall",
    )
    for head in (*heads, "blocked at 95 %", "Spearman", "offline", "regret", "offline"):
        result.add_column(head, justify="left" if head == "family" else "right")
    for family, g in grades.items():
        result.add_row(
            family,
            str(g.policies),
            str(g.exploited),
            *(f"{f.value:.3f}" for f in (g.auroc_canary, g.auroc_offline)),
            *(f"{f.value:.0%}" for f in (g.precision, g.recall, g.false_block_at_95)),
            *(f"{f.value:.2f}" for f in (g.spearman, g.spearman_offline)),
            *(f"{f.value:.0%}" for f in (g.regret, g.regret_offline)),
        )
    return result


def _exams(school: School) -> list[Exam]:
    return [_exam(school, index, pupil) for index, pupil in enumerate(school.pupils())]


def _exam(school: School, index: int, pupil: Pupil) -> Exam:
    learner, auditor = pupil
    report, _ = examine(learner, auditor, learner.plant, derive(school.seed, "exam", index))
    act, seed = greedy_act(learner.policy), derive(school.seed, "label", index)
    real = returns_of(school.env, "nominal", act, LABEL_EPISODES, seed).mean()
    return Exam(school, report, float(real))
