# SPDX-License-Identifier: Apache-2.0
"""A plant seen through a world: whoever acts on it observes the world's features, and needs no memory of its own."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces

from plasma_trainer.world_models import World


class Seen(gym.Wrapper[np.ndarray, Any, Any, Any]):
    """Observes features [F] float32 of the state that `world` believes in, given all that `env` showed since reset."""

    def __init__(self, env: gym.Env[Any, Any], world: World) -> None:
        super().__init__(env)
        self.world = world
        self.observation_space = spaces.Box(-np.inf, np.inf, (world.feature_size,), np.float32)

    @torch.no_grad()
    def reset(self, **kwargs: Any) -> tuple[np.ndarray, dict[str, Any]]:
        obs, info = self.env.reset(**kwargs)
        self._state = self.world.start(torch.from_numpy(obs)[None])
        return self._features(), info

    @torch.no_grad()
    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        obs, reward, terminated, truncated, info = self.env.step(action)
        taken = torch.as_tensor(np.asarray(action))[None]
        self._state = self.world.observe(self._state, taken, torch.from_numpy(obs)[None])
        return self._features(), float(reward), terminated, truncated, info

    def _features(self) -> np.ndarray:
        return self.world.features(self._state)[0].numpy()
