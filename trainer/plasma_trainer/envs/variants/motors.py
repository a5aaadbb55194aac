# SPDX-License-Identifier: Apache-2.0
"""Motors that do not do as they are told. All take and give legal actions of the plant."""

from __future__ import annotations

from collections import deque
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from plasma_trainer.envs.variants.spec import Fault
from plasma_trainer.errors import UsageError


class _Motor(gym.ActionWrapper[Any, Any, Any]):
    """What the motors of a bounded Box have in common: centre and half range of every entry [A]."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env)
        space = env.action_space
        if not (isinstance(space, spaces.Box) and space.is_bounded() and len(space.shape) == 1):
            raise UsageError(
                f"{fault.name}={fault.value:g} needs motors with a flat, bounded range; found {space}"
            )
        self.space, self.value = space, fault.value
        self.which = entries(fault, space.shape[0], "action")
        self.centre = (space.high.astype(np.float64) + space.low) / 2
        self.half = (space.high.astype(np.float64) - space.low) / 2

    def action(self, action: Any) -> Any:
        moved = np.array(action, np.float64)
        moved[self.which] = self.moved(moved)[self.which]
        return moved.clip(self.space.low, self.space.high).astype(self.space.dtype)

    def moved(self, action: np.ndarray) -> np.ndarray:
        """[A] -> [A], before the limits and whichever entries are meant."""
        raise NotImplementedError


class MotorGain(_Motor):
    """Gives `value` times what it is told, about the middle of its range."""

    def moved(self, action: np.ndarray) -> np.ndarray:
        return self.centre + self.value * (action - self.centre)


class MotorBias(_Motor):
    """Gives `value` of half its range more than it is told."""

    def moved(self, action: np.ndarray) -> np.ndarray:
        return action + self.value * self.half


class MotorNoise(_Motor):
    """Gaussian noise, `value` of half the range."""

    def moved(self, action: np.ndarray) -> np.ndarray:
        return action + self.value * self.half * self.np_random.standard_normal(len(action))


class RandomChoices(gym.ActionWrapper[Any, Any, Any]):
    """A share `value` of discrete actions is replaced by random ones."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env)
        self.value = fault.value

    def action(self, action: Any) -> Any:
        if self.np_random.random() >= self.value:
            return action
        space = self.env.action_space
        return space.dtype.type(self.np_random.integers(space.n))


class MotorDelay(gym.Wrapper[Any, Any, Any, Any]):
    """Commands arrive `value` ticks late; until the first one does, the motor holds the middle of its range
    (of discrete actions, the first)."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env)
        space = env.action_space
        if isinstance(space, spaces.Box):
            self.rest: Any = np.asarray((space.low + space.high) / 2, space.dtype)
        else:
            self.rest = space.dtype.type(0)
        self.waiting: deque[Any] = deque(maxlen=int(fault.value) + 1)

    def reset(self, **kwargs: Any) -> Any:
        self.waiting.extend([self.rest] * (self.waiting.maxlen or 0))
        return self.env.reset(**kwargs)

    def step(self, action: Any) -> Any:
        self.waiting.append(action)
        return self.env.step(self.waiting[0])


def entries(fault: Fault, size: int, of: str) -> Any:
    """The entries that a fault is about, as an index. Raises UsageError when there is no such entry."""
    if fault.index is None:
        return slice(None)
    if fault.index >= size:
        raise UsageError(
            f"{fault.name}: found index {fault.index}, but the {of} has {size} entries, counted from 0"
        )
    return fault.index
