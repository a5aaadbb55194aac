# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from plasma_trainer.data import Transitions, collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError


def some(steps: int = 60, seed: int = 0) -> Transitions:
    plant = make_plant("CartPole-v1")
    return collect(plant, random_act(plant.action_space, seed), steps, seed, longest=500)


def test_collects_exactly_as_many_real_steps_as_asked_for() -> None:
    plant = make_plant("CartPole-v1")
    taken = 0
    step = plant.step

    def counting_step(action: np.int64) -> tuple:
        nonlocal taken
        taken += 1
        return step(action)

    plant.step = counting_step  # type: ignore[method-assign]
    data = collect(plant, random_act(plant.action_space, 0), 77, seed=0, longest=500)
    assert len(data) == taken == 77


def test_equal_seeds_collect_equal_bits() -> None:
    for one, two in zip(vars(some()).values(), vars(some()).values(), strict=True):
        np.testing.assert_array_equal(one, two)


def test_next_obs_is_the_true_successor_also_at_an_end() -> None:
    data = some()
    goes_on = ~data.ended[:-1]
    np.testing.assert_array_equal(data.next_obs[:-1][goes_on], data.obs[1:][goes_on])
    assert (data.next_obs[:-1][~goes_on] != data.obs[1:][~goes_on]).any()


def test_a_block_that_ends_in_mid_episode_is_truncated_not_terminated() -> None:
    data = some(steps=5)
    assert data.truncated.tolist() == [False] * 4 + [True]
    assert not data.terminated.any()


def test_there_is_one_reset_observation_and_one_return_per_episode() -> None:
    data = some() + some(seed=1)
    episodes = int(data.ended.sum())
    assert len(data.reset_obs) == len(data.episode_returns) == episodes
    assert np.abs(data.reset_obs).max() <= 0.05  # CartPole starts within 0.05 of upright
    assert data.episode_returns.sum() == data.reward.sum()


def test_survives_a_round_trip_through_a_file(tmp_path: Path) -> None:
    data = some()
    data.save(tmp_path / "real.npz")
    loaded = Transitions.load(tmp_path / "real.npz")
    for one, two in zip(vars(data).values(), vars(loaded).values(), strict=True):
        np.testing.assert_array_equal(one, two)
        assert one.dtype == two.dtype
    assert [p.name for p in tmp_path.iterdir()] == ["real.npz"]


def test_refuses_a_file_with_other_columns(tmp_path: Path) -> None:
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    with pytest.raises(UsageError, match="columns"):
        Transitions.load(tmp_path / "other.npz")


def test_refuses_columns_of_different_lengths() -> None:
    data = some(5)
    columns = vars(data) | {"reward": data.reward[:3]}
    with pytest.raises(UsageError, match="different lengths"):
        Transitions(**columns)
