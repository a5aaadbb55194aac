# SPDX-License-Identifier: Apache-2.0
"""Sensors that do not show what is there. Readings are those of a flat observation [O]."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from plasma_trainer.envs.variants.motors import entries
from plasma_trainer.envs.variants.spec import Fault
from plasma_trainer.errors import UsageError


class _Sensor(gym.ObservationWrapper[Any, Any, Any]):
    """Faulty readings may leave the range of true ones, so the observation space is all numbers."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env)
        shape = env.observation_space.shape
        if shape is None or len(shape) != 1:
            raise UsageError(
                f"{fault.name}: the plant observes {env.observation_space}; expected readings, a flat observation"
            )
        self.fault, self.which = fault, entries(fault, shape[0], "observation")
        self.observation_space = spaces.Box(-np.inf, np.inf, shape, env.observation_space.dtype)

    def observation(self, observation: Any) -> Any:
        read = np.array(observation)
        read[self.which] = self.read(read)[self.which]
        return read

    def read(self, true: np.ndarray) -> np.ndarray:
        """[O] -> [O], whichever entries are meant."""
        raise NotImplementedError


class SensorGain(_Sensor):
    """Readings times `value`."""

    def read(self, true: np.ndarray) -> np.ndarray:
        return true * self.fault.value


class SensorBias(_Sensor):
    """Readings plus `value`."""

    def read(self, true: np.ndarray) -> np.ndarray:
        return true + self.fault.value


class SensorNoise(_Sensor):
    """Readings plus Gaussian noise."""

    def read(self, true: np.ndarray) -> np.ndarray:
        return true + self.fault.value * self.np_random.standard_normal(true.shape)


class SensorSwap(_Sensor):
    """Two readings come in each other's place."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env, fault)
        assert fault.other is not None
        shape = env.observation_space.shape
        assert shape is not None
        entries(Fault(fault.name, fault.value, fault.other), shape[0], "observation")
        self.which = [fault.index, fault.other]

    def read(self, true: np.ndarray) -> np.ndarray:
        swapped = true.copy()
        swapped[self.which] = true[self.which[::-1]]
        return swapped


class SensorDropout(_Sensor):
    """With probability `value` a tick shows the reading of the tick before, each entry on its own."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env, fault)
        self.shown: np.ndarray | None = None

    def reset(self, **kwargs: Any) -> Any:
        self.shown = None
        return super().reset(**kwargs)

    def read(self, true: np.ndarray) -> np.ndarray:
        if self.shown is None:
            self.shown = true
        lost = self.np_random.random(true.shape) < self.fault.value
        self.shown = np.where(lost, self.shown, true)
        return self.shown
