# SPDX-License-Identifier: Apache-2.0
"""Experience from a plant. Every call of `env.step` here is a real step, and is counted as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from plasma_trainer.data.transitions import Transitions

HOLD_STEPS = 8


def collect(
    env: gym.Env[Any, Any],
    act: Callable[[np.ndarray], Any],
    steps: int,
    seed: int,
    longest: int,
    learn: Callable[[np.ndarray, Any, np.ndarray, bool], None] | None = None,
) -> Transitions:
    """Exactly `steps` real transitions under `act` (obs [O] -> action), from fresh episodes.

    Episodes are cut after `longest` steps and where the block ends. A cut is marked as a truncation: from there on
    nothing was observed. Who wants to know at once is told in `learn`: obs, action, next_obs, whether an episode ended.
    """
    rows: list[tuple[Any, ...]] = []
    obs, _ = env.reset(seed=seed)
    age = 0
    for step in range(steps):
        obs = np.asarray(obs, np.float32)
        action = act(obs)
        next_obs, reward, terminated, truncated, _ = env.step(action)
        next_obs = np.asarray(next_obs, np.float32)
        age += 1
        truncated = truncated or not terminated and (age == longest or step == steps - 1)
        rows.append((obs, action, reward, next_obs, terminated, truncated))
        if learn:
            learn(obs, action, next_obs, terminated or truncated)
        if terminated or truncated:
            next_obs, age = env.reset()[0], 0
        obs = next_obs
    discrete = isinstance(env.action_space, spaces.Discrete)
    types = (np.float32, np.int64 if discrete else np.float32, np.float32, np.float32, bool, bool)
    columns = (np.array(c, t) for c, t in zip(zip(*rows, strict=True), types, strict=True))
    return Transitions(*columns)


def random_act(space: spaces.Space[Any], seed: int) -> Callable[[np.ndarray], Any]:
    """Uniformly random actions of `space`, whatever the observation.

    Continuous ones are held for a while (geometric, HOLD_STEPS on average): white noise on a motor averages out before
    it has moved anything, slow noise goes places (Eberhard et al., 2023).
    """
    space.seed(seed)
    if not isinstance(space, spaces.Box):
        return lambda obs: space.sample()
    held, generator = space.sample(), np.random.default_rng(seed)

    def act(obs: np.ndarray) -> np.ndarray:
        nonlocal held
        if generator.random() < 1 / HOLD_STEPS:
            held = space.sample()
        return held

    return act
