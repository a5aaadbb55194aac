# SPDX-License-Identifier: Apache-2.0
import copy
from pathlib import Path

import pytest

from plasma_trainer.audit import Limit
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.audit import audit, read_section
from plasma_trainer.pipelines.dreamer import Dreamer
from plasma_trainer.pipelines.examine import CANARIES
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.skills import Skill, load_skill


def test_an_honest_policy_is_verified_by_its_canary(trained_run: Path, tmp_path: Path) -> None:
    skill = load_skill(trained_run)
    lived = len(skill.learner.everything)
    report = audit(skill, tmp_path, canary=True, seed=0)
    assert report.verdict == "verified"
    assert report.canary is not None
    assert report.canary.episodes == CANARIES
    assert report.canary.real_steps == pytest.approx(CANARIES * report.canary.real_return)
    assert len(skill.learner.everything) == lived  # the canary is not learnt from
    assert read_section(tmp_path) == report.section()
    assert f"earned {report.canary.real_return:.1f}" in (tmp_path / "audit.html").read_text()


def test_a_limit_that_reality_breaks_fails_a_policy(trained_run: Path, tmp_path: Path) -> None:
    skill = load_skill(trained_run)
    wide, narrow = Limit(2, -0.5, 0.5), Limit(2, -1e-4, 1e-4)  # rad
    verdicts = [audit(skill, tmp_path, True, 0, [limit]).verdict for limit in (wide, narrow)]
    assert verdicts == ["verified", "failed"]
    with pytest.raises(UsageError, match="has 4 entries"):
        audit(skill, tmp_path, True, 0, [Limit(4, 0.0, 1.0)])


def test_checkpoints_are_put_in_order_by_what_they_are_promised(
    trained_run: Path, tmp_path: Path
) -> None:
    skill, rounds = load_skill(trained_run), Run(trained_run).rounds()
    for index, earned in enumerate((10.0, 20.0, 30.0)):
        kept = copy.deepcopy(rounds[-1])
        kept["result"]["returns"]["mean"] = earned
        if index == 0:  # this one is worth nothing in its dream, either
            for name, column in kept["learner"]["agent"].items():
                if name.startswith("policy.net"):
                    column.zero_()
        Run(tmp_path).save_round(index, kept)
    order = audit(skill, tmp_path, canary=False, seed=0).order
    assert order is not None and 0.0 < order < 1.0
    assert audit(skill, tmp_path / "none", canary=False, seed=0).order is None


def test_without_a_canary_nothing_is_verified(trained_run: Path, tmp_path: Path) -> None:
    report = audit(load_skill(trained_run), tmp_path, canary=False, seed=0)
    assert report.verdict == "unverified"
    assert "canary_gap" not in report.scores


def test_a_policy_that_exploited_its_world_is_caught(trained_run: Path, tmp_path: Path) -> None:
    honest = audit(load_skill(trained_run), tmp_path / "honest", canary=False, seed=0)
    learner = Dreamer.fresh("CartPole-v1", seed=0)
    learner.live(120, 0)
    learner.learn_world(0)
    learner.imagine(15, 0)
    dreamt = Skill("CartPole-v1", "nominal", learner, None)
    report = audit(dreamt, tmp_path, canary=True, seed=0)
    assert report.imagined_return > 100
    assert report.verdict == "failed"
    assert report.unsupported_share > honest.unsupported_share
    assert "unsupported_share" in report.warnings
    assert report.suspicion > honest.suspicion
    assert report.canary is not None
    assert report.audited_return <= report.canary.real_return


def test_a_run_that_was_not_audited_has_nothing_to_sign(tmp_path: Path) -> None:
    assert read_section(tmp_path) is None
