# SPDX-License-Identifier: Apache-2.0
"""From an environment id and the name of a variant to a plant that can be flown."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
from gymnasium import spaces

from plasma_trainer.envs.actuator import Actuator
from plasma_trainer.errors import UsageError

VARIANTS = ("nominal", "reversed")


def make_plant(env_id: str | None, variant: str = "nominal", **kwargs: Any) -> Actuator:
    """A Gymnasium environment with a flat Box observation, behind a reversible `Actuator`.

    `variant` is one of VARIANTS; other keyword arguments go to `gymnasium.make`. Raises UsageError for an unknown
    environment or variant, or for spaces that the trainer cannot handle.
    """
    if env_id is None:
        raise UsageError(
            "the log that this was learnt from names no environment; there is none to fly in"
        )
    if variant not in VARIANTS:
        raise UsageError(f"variant {variant!r} is unknown; choose one of {', '.join(VARIANTS)}")
    try:
        env = gym.make(env_id, **kwargs)
    except gym.error.Error as error:
        raise UsageError(f"cannot make environment {env_id!r}: {error}") from error
    space = env.observation_space
    if not (isinstance(space, spaces.Box) and len(space.shape) == 1):
        raise UsageError(
            f"{env_id} observes {space}; expected a flat Box of numbers; "
            "wrap it in gymnasium.wrappers.FlattenObservation and register it under its own id"
        )
    if isinstance(env.action_space, spaces.Discrete) and env.action_space.start != 0:
        raise UsageError(f"{env_id} acts in {env.action_space}; expected actions that count from 0")
    return Actuator(env, reversed_=variant == "reversed")


def step_limit(env: gym.Env[Any, Any]) -> int:
    """The environment's time limit in steps. Raises UsageError when it has none."""
    if env.spec is None or env.spec.max_episode_steps is None:
        raise UsageError(f"{env} has no time limit; register it with max_episode_steps")
    return env.spec.max_episode_steps
