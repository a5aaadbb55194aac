# SPDX-License-Identifier: Apache-2.0
"""What the audit is judged by: schools whose pupils cheat, and exams that outlive an interruption."""

from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from plasma_trainer.data import Transitions
from plasma_trainer.pipelines import bench_audit, schools
from plasma_trainer.pipelines.bench_audit import Exam, grade, natural, planted
from plasma_trainer.pipelines.schools import FAULTS, School, pool
from tests.trainer.reports import a_canary, a_report


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schools, "UPDATES", 20)
    monkeypatch.setattr(schools, "NATURAL", (1, 1))
    monkeypatch.setattr(bench_audit, "LABEL_EPISODES", 2)


def test_a_fault_is_in_what_the_world_is_fitted_to_and_the_log_stays(
    cartpole_data: Transitions,
) -> None:
    before = {name: column.copy() for name, column in vars(cartpole_data).items()}
    seen = {kind: fault(cartpole_data) for kind, fault in FAULTS.items()}
    for name, column in before.items():
        np.testing.assert_array_equal(getattr(cartpole_data, name), column)
    assert seen["reward"].reward.max() > cartpole_data.reward.max()
    assert len(seen["region"]) < len(cartpole_data)
    assert not seen["ends"].terminated.any()
    assert np.ptp(seen["sensor"].obs[:, 2]) < np.ptp(cartpole_data.obs[:, 2])


def test_a_pool_has_forty_policies_of_every_kind() -> None:
    found = pool("CartPole-v1", seed=7)
    assert len({school.name for school in found}) == len(found)
    counts = {"honest": schools.HONEST_ROUNDS, "natural": len(schools.NATURAL)}
    assert sum(counts.get(school.kind, len(schools.PLANTED)) for school in found) == 40


@pytest.mark.usefixtures("hasty")
def test_exams_are_kept_and_not_held_twice(
    tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bench_audit, "pool", lambda env, seed: [School(env, "natural", 60, seed)])
    first = bench_audit.bench_audit(("CartPole-v1",), 0, tmp_path, quiet)
    assert [exam.school.kind for exam in first] == ["natural"] * 2
    assert all(exam.report.canary for exam in first)
    monkeypatch.setattr(School, "pupils", lambda self: pytest.fail("examined again"))
    assert bench_audit.bench_audit(("CartPole-v1",), 0, tmp_path, quiet) == first


def exam(kind: str, seed: int, imagined: float, real: float, share: float) -> Exam:
    report = a_report(
        imagined_return=imagined,
        unsupported_share=share,
        disagreement_share=share,
        canary=a_canary(real, imagined),
    )
    return Exam(School("CartPole-v1", kind, 100, seed), report, real)


def test_natural_and_planted_exploits_are_graded_apart() -> None:
    exams = [exam("honest", i, 500.0 - i, 500.0 - i, 0.01 * i) for i in range(5)]
    cheats = [exam("natural", i, 500.0, 50.0 + i, 0.9) for i in range(5)]
    plants = [exam("reward", i, 500.0, 20.0, 0.0) for i in range(5)]
    assert natural(exams + cheats + plants) == exams + cheats
    assert planted(exams + cheats + plants) == exams + plants
    grades = grade(exams + cheats)
    assert (grades.policies, grades.exploited) == (10, 5)
    assert grades.auroc_canary.value == grades.auroc_offline.value == 1.0
    assert grades.precision.value == grades.recall.value == 1.0
    assert grades.regret.value == 0.0
    assert grade(exams + plants).auroc_offline.value < 0.5  # offline, these look better than honest
