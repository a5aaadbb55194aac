# SPDX-License-Identifier: Apache-2.0
"""A planner makes a policy better in imagination, and only what may change changes."""

import copy
from pathlib import Path

import pytest
import torch
from rich.console import Console
from torch import nn

from plasma_trainer.pipelines import lessons, rounds
from plasma_trainer.pipelines.evaluate import Returns
from plasma_trainer.pipelines.examine import promise
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.lessons import Lessons, study, teach
from plasma_trainer.pipelines.rounds import Goal, run_rounds
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.policies import Lora, with_adapter


@pytest.fixture
def forgetful(trained_run: Path) -> Learner:
    """Knows its world, and what states are worth, and no longer what to do."""
    learner = load_skill(trained_run).learner
    nn.init.normal_(learner.policy.net[-1].weight, std=0.1)
    return learner


def test_a_planner_teaches_what_was_forgotten(
    forgetful: Learner, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"COURSE": 2, "PATHS": 32, "STEPS": 5}.items():
        monkeypatch.setattr(lessons, name, value)
    before = promise(forgetful, forgetful.policy, 0)
    teach(forgetful, 0)
    assert before < 150 < 250 < promise(forgetful, forgetful.policy, 0)


def test_of_an_adapted_policy_only_the_adapter_studies(trained_run: Path) -> None:
    base = load_skill(trained_run).learner.policy
    student = with_adapter(base, Lora())
    before = copy.deepcopy(student.state_dict())
    study(student, Lessons(torch.randn(32, 4), torch.randint(2, (32,))), seed=0)
    changed = {k for k, v in student.state_dict().items() if not torch.equal(v, before[k])}
    assert changed
    assert all("lora_" in name for name in changed)


def test_a_planner_is_asked_where_imagination_was_not_enough_and_kept_where_it_was(
    forgetful: Learner, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    bias, taught = forgetful.policy.net[-1].bias, []
    judged = iter([(False, -4.0), (False, -3.0), (False, -2.0), (True, 0.0)])

    def teach(learner: Learner, seed: int) -> None:
        taught.append(bias.detach().clone())
        nn.init.constant_(bias, len(taught))

    def passes(*_: object) -> tuple[bool, Returns]:
        solved, mean = next(judged)
        return solved, Returns(mean, mean, mean, 2)

    monkeypatch.setattr(rounds, "teach", teach)
    monkeypatch.setattr(rounds, "passes", passes)
    monkeypatch.setattr(Learner, "learn_world", lambda *_: {})
    monkeypatch.setattr(Learner, "imagine", lambda *_: {})
    goal = Goal(threshold=0.0, real_steps=90, block_steps=30, iterations=1, seed=0)
    run = Run(tmp_path)
    result = run_rounds(run, forgetful, goal, quiet)
    assert (result.solved, result.rounds, result.real_steps) == (True, 2, 60)
    assert run.history()[0]["returns"]["mean"] == -4.0  # of the policy that went on
    assert torch.equal(taught[0], taught[1])  # what was taught in vain was not kept ...
    assert (bias == 2.0).all()  # ... and what was not in vain was


@pytest.mark.parametrize(("flown", "kept"), [((-1.0, -2.0), 7.0), ((-2.0, -1.0), 3.0)])
def test_after_the_last_lesson_the_better_policy_is_kept(
    flown: tuple[float, float],
    kept: float,
    forgetful: Learner,
    tmp_path: Path,
    quiet: Console,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    bias, returns = forgetful.policy.net[-1].bias, [Returns(x, x, x, 2) for x in flown]
    nn.init.constant_(bias, 3.0)
    judged = iter(returns)
    monkeypatch.setattr(rounds, "teach", lambda *_: nn.init.constant_(bias, 7.0))
    monkeypatch.setattr(rounds, "passes", lambda *_: (False, returns[0]))
    monkeypatch.setattr(rounds, "evaluate_on", lambda *_: next(judged))
    monkeypatch.setattr(Learner, "learn_world", lambda *_: {})
    monkeypatch.setattr(Learner, "imagine", lambda *_: {})
    goal = Goal(threshold=0.0, real_steps=30, block_steps=30, iterations=1, seed=0)
    assert run_rounds(Run(tmp_path), forgetful, goal, quiet).returns.mean == -1.0
    assert (bias == kept).all()
