# SPDX-License-Identifier: Apache-2.0
"""Did the policy learn the task, or the mistakes of its world? Offline scores, then a few real episodes."""

from __future__ import annotations

import copy
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from plasma_trainer.audit import AuditReport, Limit, page, section
from plasma_trainer.audit.ranking import rank_correlation
from plasma_trainer.pipelines.examine import auditor_of, examine, promise
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.runs import Run, write_json, write_whole
from plasma_trainer.pipelines.skills import Skill

MOST_CHECKPOINTS = 10


def audit(
    skill: Skill, out: Path, canary: bool, seed: int, limits: Sequence[Limit] = ()
) -> AuditReport:
    """Audit the policy of a finished run; the report is written to `out`/audit.json, and as a page beside it.

    With `canary`, a few real episodes are flown on the skill's plant; their steps are counted in the report and never
    learnt from. `limits` must hold on all of them.
    """
    learner = skill.learner
    plant = skill.plant() if canary else None
    report, evidence = examine(learner, auditor_of(learner, seed), plant, seed, limits)
    report = replace(report, order=_order(learner, Run(out), seed))
    write_json(out / "audit.json", report.as_dict())
    text = page(f"{skill.env}, {skill.variant}", report, evidence)
    write_whole(out / "audit.html", lambda scratch: scratch.write_text(text) and None)
    return report


def read_section(out: Path) -> dict[str, Any] | None:
    """What of `out`/audit.json is to be signed into a packet; None when the run was not audited."""
    path = out / "audit.json"
    return section(json.loads(path.read_text())) if path.exists() else None


def _order(learner: Learner, run: Run, seed: int) -> float | None:
    """Rank correlation of what the world promises to the run's checkpoints and what they earned in their rounds."""
    rounds = [kept for kept in run.rounds()[-MOST_CHECKPOINTS:] if "result" in kept]
    if len(rounds) < 3:
        return None
    agent = copy.deepcopy(learner.agent)
    promised, earned = [], []
    for kept in rounds:
        agent.load_state_dict(kept["learner"]["agent"])
        promised.append(promise(learner, agent.policy, seed))
        earned.append(kept["result"]["returns"]["mean"])
    return rank_correlation(np.array(promised), np.array(earned))
