# SPDX-License-Identifier: Apache-2.0
"""From an environment id and the name of a variant to a plant that can be flown."""

from __future__ import annotations

import warnings
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from plasma_trainer.envs.actuator import Actuator
from plasma_trainer.envs.variants import parse, with_faults
from plasma_trainer.errors import UsageError


def make_plant(env_id: str | None, variant: str = "nominal", **kwargs: Any) -> Actuator:
    """A Gymnasium environment with a flat Box observation and the faults of `variant`, behind a reversible `Actuator`.

    `variant` is a SPEC, see variants/spec.py; other keyword arguments go to `gymnasium.make`. Raises UsageError for an
    unknown environment or variant, for faults that the plant cannot have, or spaces that the trainer cannot handle.
    """
    faults = parse(variant)
    if env_id is None:
        raise UsageError(
            "the log that this was learnt from names no environment; there is none to fly in"
        )
    try:
        with warnings.catch_warnings():
            # Box2D's types warn while they are made; where warnings are errors, that is a crash of the interpreter.
            warnings.filterwarnings("ignore", "builtin type", DeprecationWarning)
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
    return Actuator(with_faults(env, faults))


def step_limit(env: gym.Env[Any, Any]) -> int:
    """The environment's time limit in steps. Raises UsageError when it has none."""
    if env.spec is None or env.spec.max_episode_steps is None:
        raise UsageError(f"{env} has no time limit; register it with max_episode_steps")
    return env.spec.max_episode_steps
