# SPDX-License-Identifier: Apache-2.0
"""Closed-loop episodes: what an act function is worth on a plant."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np

Act = Callable[[np.ndarray], Any]
"""One observation [O] in, one action of the environment's action space out."""


@dataclass(frozen=True)
class Episode:
    """What happened between one reset and the end. `terminated` is False when the time limit ended it."""

    obs: np.ndarray  # [T + 1, O]
    rewards: np.ndarray  # [T]
    terminated: bool

    @property
    def first_obs(self) -> np.ndarray:
        """[O]: where it began."""
        return np.asarray(self.obs[0])

    @property
    def total(self) -> float:
        """The undiscounted return."""
        return float(self.rewards.sum())


def fly(
    env: gym.Env[Any, Any],
    act: Act,
    seed: int,
    on_tick: Callable[[int], None] = lambda tick: None,
) -> Episode:
    """Fly one episode from a fresh reset. `on_tick(t)` runs before action t, e.g. to break the plant in mid-stride."""
    obs, _ = env.reset(seed=seed)
    seen, rewards = [np.array(obs, np.float32)], []
    terminated = truncated = False
    while not (terminated or truncated):
        on_tick(len(rewards))
        obs, reward, terminated, truncated, _ = env.step(act(seen[-1]))
        seen.append(np.array(obs, np.float32))
        rewards.append(float(reward))
    return Episode(np.array(seen), np.array(rewards), bool(terminated))


def episode_returns(env: gym.Env[Any, Any], act: Act, seeds: Iterable[int]) -> np.ndarray:
    """Undiscounted returns [len(seeds)], one fresh episode per seed."""
    return np.array([fly(env, act, seed).total for seed in seeds])
