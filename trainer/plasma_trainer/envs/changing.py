# SPDX-License-Identifier: Apache-2.0
"""A plant that breaks, or mends, while an episode runs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import gymnasium as gym

from plasma_trainer.envs.plants import make_plant, step_limit
from plasma_trainer.errors import UsageError

Plant = gym.Env[Any, Any]


class Changing(gym.Env[Any, Any]):
    """One environment under several variants in turn: {0: "nominal", 100: "length=4"} changes before action 100.

    Every variant is a plant of its own, and where the robot is goes over from one to the next: motors, bodies and
    sensors are another's from then on, and the last observation was still the old one's.
    """

    def __init__(self, env_id: str, variants: Mapping[int, str]) -> None:
        """Raises UsageError unless a variant begins at tick 0, and the environment's state can be told and set."""
        if 0 not in variants:
            raise UsageError(f"found changes at the ticks {sorted(variants)}; expected one at 0")
        self.plants = {tick: make_plant(env_id, variant) for tick, variant in variants.items()}
        self.plant: Plant = self.plants[0]
        self.spec, self.limit = self.plant.spec, step_limit(self.plant)
        self.observation_space = self.plant.observation_space
        self.action_space = self.plant.action_space

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Any:
        super().reset(seed=seed)
        self.tick, self.plant = 0, self.plants[0]
        first = self.plant.reset(seed=seed)
        for tick, plant in self.plants.items():
            if tick > 0:
                plant.reset(seed=seed)
        return first

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        if self.tick > 0 and self.tick in self.plants:
            _go_over(self.plant, self.plants[self.tick])
            self.plant = self.plants[self.tick]
        obs, reward, terminated, _, info = self.plant.step(action)
        self.tick += 1
        return obs, float(reward), terminated, self.tick >= self.limit, info


def _go_over(source: Plant, target: Plant) -> None:
    """Put the body of `target` where that of `source` is."""
    here, there = source.unwrapped, target.unwrapped
    if hasattr(here, "set_state"):  # MuJoCo
        there.set_state(here.data.qpos.copy(), here.data.qvel.copy())
    elif hasattr(here, "state"):  # classic control
        there.state = here.state
    else:
        raise UsageError(
            f"{type(here).__name__} cannot be put into the state of another; "
            "change plants in a MuJoCo or a classic-control environment"
        )
