# SPDX-License-Identifier: Apache-2.0
"""A plant that is only seen through its camera."""

from __future__ import annotations

import os
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from PIL import Image

from plasma_trainer.envs.plants import make_plant
from plasma_trainer.envs.variants import parse, with_faults

os.environ.setdefault("SDL_VIDEODRIVER", "dummy")  # frames go into arrays: no window, no display
os.environ.setdefault(
    "SDL_NO_SIGNAL_HANDLERS", "1"
)  # or whoever rendered once no longer ends at SIGTERM


class Pixels(gym.ObservationWrapper[Any, Any, Any]):
    """Observes rendered frames, [3, size, size] uint8. What the renderer does not show is not observed: velocities."""

    def __init__(self, env: gym.Env[Any, Any], size: int) -> None:
        super().__init__(env)
        self.size = size
        self.observation_space = spaces.Box(0, 255, (3, size, size), np.uint8)

    def observation(self, observation: Any) -> np.ndarray:
        image = Image.fromarray(self.env.render()).resize(
            (self.size, self.size), Image.Resampling.BOX
        )
        return np.ascontiguousarray(np.asarray(image).transpose(2, 0, 1))


def make_pixel_plant(
    env_id: str, variant: str = "nominal", size: int = 64, **kwargs: Any
) -> gym.Env[Any, Any]:
    """The plant of `make_plant` behind its camera, with the faults of `variant`: its own and the camera's. Keyword
    arguments go to `gymnasium.make`.
    """
    plant = make_plant(env_id, render_mode="rgb_array", **kwargs)
    return with_faults(Pixels(plant, size), parse(variant))
