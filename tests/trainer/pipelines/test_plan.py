# SPDX-License-Identifier: Apache-2.0
"""Thinking before acting on a real plant, and a pupil of the thinker."""

from pathlib import Path

import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from plasma_trainer.audit import Limit
from plasma_trainer.cli import app
from plasma_trainer.errors import NoPlanError, UsageError
from plasma_trainer.imagination.planning import Budget
from plasma_trainer.pipelines import distil as distilling
from plasma_trainer.pipelines import lessons
from plasma_trainer.pipelines.distil import DistilArgs, distil
from plasma_trainer.pipelines.foresight import planner_of
from plasma_trainer.pipelines.plan import draw, think
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.policies import greedy_act

SMALL = Budget(plans=4, rounds=1, decisions=2, hold=1, elite=2)


def test_a_planner_flies_beside_its_policy_and_a_gate_asks_it_less(
    trained_run: Path, tmp_path: Path, quiet: Console
) -> None:
    skill = load_skill(trained_run)
    thoughts = think(skill, "cem", [SMALL], episodes=2, seed=0, console=quiet)
    policy, always, gated = thoughts
    assert (policy.imagined_steps, policy.planned) == (0.0, 0.0)
    assert always.planned == 1.0
    assert always.imagined_steps == 4 * 2 + 2  # the plans, and what the policy proposes
    assert 0.0 <= gated.planned < 1.0  # how often is a matter of training
    assert gated.imagined_steps == pytest.approx(gated.planned * always.imagined_steps)
    assert always.returns.mean > 100  # the policy proposes, so planning does not fall behind it
    draw(thoughts, tmp_path / "plan.png")
    with Image.open(tmp_path / "plan.png") as picture:
        assert picture.width > 500


def test_a_plan_keeps_limits_or_is_none(trained_run: Path) -> None:
    learner = load_skill(trained_run).learner
    state = torch.zeros(1, 4)
    for method in ("cem", "mppi", "beam", "mcts"):
        free, bound = (
            planner_of(learner, method, SMALL, 0, limits) for limits in ((), [Limit(0, 1.0, 2.0)])
        )
        assert free.plan(state).shape == (1, 2)
        with pytest.raises(NoPlanError):  # the cart begins outside
            bound.plan(state)


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(distilling, "CONFIRMING_EPISODES", 2)
    for name, value in {"PATHS": 8, "STEPS": 2, "UPDATES": 5}.items():
        monkeypatch.setattr(lessons, name, value)


def lesson(teacher: Path) -> DistilArgs:
    return DistilArgs(str(teacher), plans=4, horizon=2, rounds=2)


@pytest.mark.usefixtures("hasty")
def test_a_pupil_flies_audits_and_ends_the_same_when_interrupted(
    trained_run: Path, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = load_skill(trained_run).learner.policy
    result = distil(lesson(trained_run), tmp_path / "whole", quiet)
    assert result.states == 2 * 8 * 2
    save = Run.save_round

    def pull_the_plug(self: Run, index: int, state: dict[str, object]) -> None:
        save(self, index, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Run, "save_round", pull_the_plug)
        with pytest.raises(KeyboardInterrupt):
            distil(lesson(trained_run), tmp_path / "cut", quiet)
    with pytest.raises(UsageError, match="not finished"):
        load_skill(tmp_path / "cut")
    distil(lesson(trained_run), tmp_path / "cut", quiet)
    whole, cut = (load_skill(tmp_path / name).learner.policy for name in ("whole", "cut"))
    pairs = zip(whole.state_dict().values(), cut.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    assert not torch.equal(whole.net[4].weight, teacher.net[4].weight)
    assert greedy_act(whole)(torch.zeros(4).numpy()) in (0, 1)


@pytest.mark.usefixtures("hasty")
def test_the_verbs_end_in_a_table_and_a_picture(trained_run: Path, tmp_path: Path) -> None:
    picture = tmp_path / "plan.png"
    small = ["--plans", "2", "--horizon", "1"]
    asked = ["plan", str(trained_run), "--method", "beam", "--out", str(picture), "--episodes", "2"]
    result = CliRunner().invoke(app, [*asked, *small])
    assert result.exit_code == 0, result.output
    assert "beam, 2 plans" in result.output
    assert picture.exists()
    out = str(tmp_path / "pupil")
    told = CliRunner().invoke(
        app, ["distil", str(trained_run), "--out", out, "--rounds", "1", *small]
    )
    assert told.exit_code == 0, told.output
    assert "after:" in told.output
