# SPDX-License-Identifier: Apache-2.0
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from plasma_trainer.envs import episode_returns, make_plant
from plasma_trainer.errors import RunMismatchError, UsageError
from plasma_trainer.pipelines import learner, lessons
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, load_trained, train
from plasma_trainer.policies import greedy_act

TINY = TrainArgs("CartPole-v1", real_steps=90, block_steps=30, iterations=1)


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Worlds barely fitted, lessons hardly learnt: enough to go through every stage."""
    monkeypatch.setattr(learner, "UPDATES", 20)
    for name, value in {"COURSE": 1, "PATHS": 4, "STEPS": 1, "UPDATES": 2}.items():
        monkeypatch.setattr(lessons, name, value)


def tensors(state: Any) -> list[torch.Tensor]:
    if isinstance(state, dict):
        return [t for key in state for t in tensors(state[key])]
    if isinstance(state, (list, tuple)):
        return [t for item in state for t in tensors(item)]
    return [state] if isinstance(state, torch.Tensor) else []


def test_what_was_learnt_in_imagination_works_in_reality(trained_run: Path) -> None:
    act = greedy_act(load_skill(trained_run).learner.policy)
    returns = episode_returns(make_plant("CartPole-v1"), act, range(1000, 1005))
    assert returns.mean() > 200  # 200 random real steps earned about 22 per episode


@pytest.mark.usefixtures("quick")
def test_every_step_learnt_from_counts(tmp_path: Path, quiet: Console) -> None:
    result = train(TINY, tmp_path, quiet)
    assert not result.solved
    assert (result.real_steps, result.rounds) == (90, 3)
    _, trained = load_trained(tmp_path)
    assert len(trained.everything) == 90
    assert [past["real_steps"] for past in Run.open(tmp_path).history()] == [30, 60, 90]


@pytest.mark.usefixtures("quick")
def test_an_interrupted_run_ends_like_one_that_was_not(
    tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train(TINY, tmp_path / "whole", quiet)
    save_round = Run.save_round

    def interrupted(run: Run, index: int, state: dict[str, Any]) -> None:
        if index == 1:
            raise KeyboardInterrupt
        save_round(run, index, state)

    monkeypatch.setattr(Run, "save_round", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(TINY, tmp_path / "broken", quiet)
    with pytest.raises(UsageError, match="not finished"):
        load_trained(tmp_path / "broken")
    monkeypatch.setattr(Run, "save_round", save_round)
    assert train(TINY, tmp_path / "broken", quiet) == whole
    states = [Run.open(tmp_path / name).finished_round() for name in ("whole", "broken")]
    one, two = map(tensors, states)
    assert len(one) == len(two) > 50
    assert all(torch.equal(a, b) for a, b in zip(one, two, strict=True))


@pytest.mark.usefixtures("quick")
def test_a_finished_run_is_not_done_again(tmp_path: Path, quiet: Console) -> None:
    first = train(TINY, tmp_path, quiet)
    written = (tmp_path / "round-002.pt").stat().st_mtime_ns
    assert train(TINY, tmp_path, quiet) == first
    assert (tmp_path / "round-002.pt").stat().st_mtime_ns == written


@pytest.mark.usefixtures("quick")
def test_a_continuous_task_goes_through_the_same_loop(tmp_path: Path, quiet: Console) -> None:
    args = TrainArgs("Pendulum-v1", real_steps=60, block_steps=30, iterations=1, threshold=-200.0)
    assert train(args, tmp_path, quiet).real_steps == 60
    skill = load_skill(tmp_path)
    assert skill.learner.everything.action.shape == (60, 1)
    assert abs(skill.learner.everything.action).max() <= 2.0


def test_refuses_a_directory_of_another_experiment(trained_run: Path, quiet: Console) -> None:
    with pytest.raises(RunMismatchError, match="seed: 0 there, 5 now"):
        train(TrainArgs("CartPole-v1", seed=5, real_steps=200, iterations=12), trained_run, quiet)


def test_refuses_a_task_without_a_threshold(tmp_path: Path, quiet: Console) -> None:
    with pytest.raises(UsageError, match="--threshold"):
        train(TrainArgs("Pendulum-v1"), tmp_path, quiet)


def test_refuses_to_read_a_directory_without_a_run(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="holds no run"):
        load_skill(tmp_path)


def test_blocks_grow_with_what_was_spent(
    tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "UPDATES", 2)
    monkeypatch.setattr("plasma_trainer.pipelines.rounds.BLOCK_SHARE", 2)
    args = TrainArgs("Pendulum-v1", real_steps=70, block_steps=20, iterations=1, threshold=0.0)
    train(args, tmp_path, quiet)
    assert [past["real_steps"] for past in Run.open(tmp_path).history()] == [20, 40, 60, 70]


@pytest.mark.parametrize(
    ("env_id", "expected"),
    [("Pendulum-v1", 0.97), ("CartPole-v1", 0.988), ("MountainCarContinuous-v0", 0.99)],
)
def test_a_long_task_is_looked_at_further_ahead(env_id: str, expected: float) -> None:
    assert learner.usual_discount(make_plant(env_id)) == pytest.approx(expected)
