# SPDX-License-Identifier: Apache-2.0
"""Cameras that do not look where they used to. Pictures are frames [C, H, W]."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np

from plasma_trainer.envs.variants.spec import Fault
from plasma_trainer.errors import UsageError


class CameraShift(gym.ObservationWrapper[Any, Any, Any]):
    """The picture `value` pixels to the right and `other` down; what comes into view looks like the edge."""

    def __init__(self, env: gym.Env[Any, Any], fault: Fault) -> None:
        super().__init__(env)
        shape, right, down = env.observation_space.shape, int(fault.value), fault.other or 0
        if shape is None or len(shape) != 3:
            raise UsageError(
                f"camera.shift={right}:{down}: the plant observes {env.observation_space}; "
                "expected one that is seen through a camera"
            )
        if abs(right) >= shape[2] or abs(down) >= shape[1]:
            raise UsageError(
                f"camera.shift={right}:{down} leaves nothing of a picture of {shape[2]} by {shape[1]}; shift it less"
            )
        self.rows = np.clip(np.arange(shape[1]) - down, 0, shape[1] - 1)
        self.columns = np.clip(np.arange(shape[2]) - right, 0, shape[2] - 1)

    def observation(self, observation: np.ndarray) -> np.ndarray:
        return observation[:, self.rows[:, None], self.columns]
