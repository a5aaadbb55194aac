# SPDX-License-Identifier: Apache-2.0
import gymnasium as gym
import numpy as np
import pytest
import torch
from gymnasium.vector import AutoresetMode

from plasma_trainer.data import Transitions
from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.imagination import DreamVectorEnv
from plasma_trainer.world_models import Ensemble


@pytest.fixture
def dream(cartpole_world: Ensemble, cartpole_data: Transitions) -> DreamVectorEnv:
    return dream_of(cartpole_world, cartpole_data, max_steps=40)


def dream_of(world: Ensemble, data: Transitions, max_steps: int) -> DreamVectorEnv:
    plant = make_plant("CartPole-v1")
    return DreamVectorEnv(
        world,
        torch.from_numpy(data.reset_obs),
        plant.observation_space,
        plant.action_space,
        num_envs=6,
        max_steps=max_steps,
        lost_return=None,
    )


def test_keeps_the_contract_of_a_vector_env(dream: DreamVectorEnv) -> None:
    assert isinstance(dream, gym.vector.VectorEnv)
    assert dream.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    obs, info = dream.reset(seed=0)
    assert info == {}
    assert dream.observation_space.contains(obs)
    dream.action_space.seed(0)
    for _ in range(60):
        obs, reward, terminated, truncated, info = dream.step(dream.action_space.sample())
        assert dream.observation_space.contains(obs)
        assert reward.shape == (6,)
        assert reward.dtype == np.float64
        assert terminated.dtype == truncated.dtype == np.bool_
        assert info["uncertainty"].shape == (6,)
    dream.close()


def test_resets_in_the_same_step_and_hands_over_the_final_obs(dream: DreamVectorEnv) -> None:
    dream.reset(seed=0)
    ends = 0
    for _ in range(30):
        obs, _, terminated, truncated, info = dream.step(np.ones(6, np.int64))
        ended = terminated | truncated
        assert ("final_obs" in info) == ended.any()
        for index in np.flatnonzero(ended):
            ends += 1
            assert info["_final_obs"][index]
            assert np.abs(info["final_obs"][index][2]) > 0.15  # the fallen pole ...
            assert np.abs(obs[index][2]) <= 0.05  # ... and the next life's upright one
        for index in np.flatnonzero(~ended):
            assert "final_obs" not in info or info["final_obs"][index] is None
    assert ends >= 6


def test_keeps_truncation_apart_from_termination(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    dream = dream_of(cartpole_world, cartpole_data, max_steps=4)
    dream.reset(seed=0)
    steps = [dream.step(np.array([0, 1] * 3)) for _ in range(4)]
    assert not any(terminated.any() for _, _, terminated, _, _ in steps)
    assert [truncated.all() for _, _, _, truncated, _ in steps] == [False, False, False, True]


def test_equal_seeds_dream_equal_lives(dream: DreamVectorEnv) -> None:
    def live(seed: int | None) -> np.ndarray:
        first = dream.reset(seed=seed)[0]
        return np.stack([first, *(dream.step(np.ones(6, np.int64))[0] for _ in range(20))])

    lives = live(1)
    np.testing.assert_array_equal(lives, live(1))
    assert (lives != live(None)).any()


def test_refuses_to_step_before_the_first_reset(dream: DreamVectorEnv) -> None:
    with pytest.raises(UsageError, match="reset"):
        dream.step(np.zeros(6, np.int64))


def test_refuses_actions_of_the_wrong_shape(dream: DreamVectorEnv) -> None:
    dream.reset(seed=0)
    with pytest.raises(UsageError, match=r"\(5,\)"):
        dream.step(np.zeros(5, np.int64))
