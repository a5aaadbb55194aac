# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest
import torch

from plasma_trainer.data import Log, Trajectory, collect_log, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError


def numbered(first: int, steps: int, terminated: bool = True) -> Trajectory:
    """An episode whose observations count up from `first`, rewarded with the number it leads to."""
    obs = np.arange(first, first + steps + 1, dtype=np.float32)[:, None]
    return Trajectory(obs, np.zeros(steps, np.int64), obs[1:, 0], terminated)


def cartpole(steps: int = 100) -> Log:
    plant = make_plant("CartPole-v1")
    return collect_log(plant, random_act(plant.action_space, 0), steps, seed=0, longest=30)


def test_collects_whole_episodes_until_there_are_enough_steps() -> None:
    log = cartpole()
    assert 100 <= log.steps < 130
    assert all(len(e) == 30 or e.terminated for e in log.episodes)
    assert all(np.abs(e.obs[0]).max() <= 0.05 for e in log.episodes)  # where CartPole starts


def test_a_split_is_disjoint_and_complete_and_by_episode() -> None:
    log = Log(tuple(numbered(100 * i, 5) for i in range(20)))
    parts = log.split((0.7, 0.15, 0.15), seed=0)
    assert [len(p.episodes) for p in parts] == [14, 3, 3]
    firsts = [int(e.obs[0, 0]) for p in parts for e in p.episodes]
    assert sorted(firsts) == list(range(0, 2000, 100))
    assert all(len(p.episodes) for p in Log(log.episodes[:3]).split((0.7, 0.15, 0.15), seed=0))
    with pytest.raises(UsageError, match="cannot split 2 episodes"):
        Log(log.episodes[:2]).split((0.7, 0.15, 0.15), seed=0)


def test_a_stretch_stays_within_its_episode_and_says_what_is_padding() -> None:
    log = Log((numbered(0, 3), numbered(100, 50, terminated=False)))
    batch = log.batch(200, 10, torch.Generator().manual_seed(0))
    steps = batch.obs[:, 1:, 0] - batch.obs[:, :-1, 0]
    assert (steps[batch.real] == 1).all()
    assert (steps[~batch.real] == 0).all()
    assert torch.equal(batch.reward[batch.real], batch.obs[:, 1:, 0][batch.real])
    short = batch.obs[:, 0, 0] < 100
    assert 0 < short.sum() < 40  # as likely as its 3 of 53 steps
    assert (batch.real[short].sum(1) == 3).all()
    assert batch.terminated[short].nonzero()[:, 1].unique().tolist() == [2]
    assert not batch.terminated[~short].any()


def test_transitions_of_all_episodes_are_those_that_happened() -> None:
    log = Log((numbered(0, 3), numbered(100, 5)))
    columns = log.whole().transitions()
    assert columns["obs"][:, 0].tolist() == [0, 1, 2, 100, 101, 102, 103, 104]
    assert columns["terminated"].nonzero()[:, 0].tolist() == [2, 7]


def test_pieces_hold_every_real_step_once() -> None:
    log = Log((numbered(0, 3), numbered(100, 50, terminated=False)))
    pieces = log.pieces(steps=16)
    assert pieces.reward.shape == (1 + 4, 16)
    for name, column in log.whole().transitions().items():
        assert torch.equal(column, pieces.transitions()[name]), name


def test_a_log_survives_a_round_trip_through_a_file(tmp_path: Path) -> None:
    log = cartpole()
    log.save(tmp_path / "log.npz")
    loaded = Log.load(tmp_path / "log.npz")
    for one, two in zip(log.episodes, loaded.episodes, strict=True):
        for name, column in vars(one).items():
            np.testing.assert_array_equal(column, getattr(two, name))
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(UsageError, match="pass a file written by Log.save"):
        Log.load(tmp_path / "other.npz")


def test_refuses_what_is_no_trajectory() -> None:
    with pytest.raises(UsageError, match="3 observations, 3 actions and 3 rewards"):
        Trajectory(np.zeros((3, 1)), np.zeros(3), np.zeros(3), False)
    with pytest.raises(UsageError, match="reward holds NaN or infinity"):
        Trajectory(np.zeros((2, 1)), np.zeros(1), np.full(1, np.nan), False)
    with pytest.raises(UsageError, match="without episodes"):
        Log(())
