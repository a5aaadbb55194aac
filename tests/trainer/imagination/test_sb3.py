# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from plasma_trainer.data import Transitions
from plasma_trainer.envs import episode_returns, make_plant
from plasma_trainer.imagination import DreamVectorEnv
from plasma_trainer.world_models import Ensemble

sb3 = pytest.importorskip("stable_baselines3")

from plasma_trainer.imagination.sb3 import DreamVecEnv  # noqa: E402


@pytest.fixture
def env(cartpole_world: Ensemble, cartpole_data: Transitions) -> DreamVecEnv:
    plant = make_plant("CartPole-v1")
    dream = DreamVectorEnv(
        cartpole_world,
        torch.from_numpy(cartpole_data.reset_obs),
        plant.observation_space,
        plant.action_space,
        num_envs=32,
        max_steps=500,
        lost_return=0.0,
    )
    return DreamVecEnv(dream)


def test_sb3_learns_in_a_dream_what_works_in_reality(env: DreamVecEnv) -> None:
    agent = sb3.PPO(
        "MlpPolicy", env, n_steps=32, batch_size=256, learning_rate=1e-3, seed=0, device="cpu"
    )
    agent.learn(12 * 32 * 32)
    plant = make_plant("CartPole-v1")
    returns = episode_returns(
        plant, lambda obs: agent.predict(obs, deterministic=True)[0], range(5)
    )
    assert returns.mean() > 60  # random actions earn about 22


def test_sb3_is_told_which_ends_were_only_cut(env: DreamVecEnv) -> None:
    env.dream._max_steps = 5
    env.seed(0)
    env.reset()
    for _ in range(5):
        _, _, done, infos = env.step(np.zeros(32, np.int64))
    assert done.all()
    assert all(info["TimeLimit.truncated"] for info in infos)
    assert all(info["terminal_observation"].shape == (4,) for info in infos)
