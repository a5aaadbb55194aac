# SPDX-License-Identifier: Apache-2.0
"""A plant that is known from a log only."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from plasma_trainer.errors import UsageError


class LoggedPlant(gym.Env[Any, Any]):
    """Says what a policy would see and do, and how long; cannot be flown. Policies are learnt without real steps."""

    def __init__(
        self, observation_space: gym.Space[Any], action_space: gym.Space[Any], longest: int
    ) -> None:
        self.observation_space, self.action_space = observation_space, action_space
        self.spec = EnvSpec("Logged-v0", max_episode_steps=longest)

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        raise UsageError(
            "this plant is known from a log only; name its environment to fly it, e.g. evaluate --env ID"
        )

    def step(self, action: Any) -> Any:
        return self.reset()
