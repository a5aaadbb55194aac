# SPDX-License-Identifier: Apache-2.0
"""Real plants: making them, breaking them, flying them."""

from plasma_trainer.envs.actuator import Actuator
from plasma_trainer.envs.changing import Changing
from plasma_trainer.envs.defects import DEFECTS, background, spoil
from plasma_trainer.envs.episodes import Act, Episode, episode_returns, fly
from plasma_trainer.envs.logged import LoggedPlant
from plasma_trainer.envs.maze import ID as NAVIGATE_MAZE
from plasma_trainer.envs.pixels import make_pixel_plant
from plasma_trainer.envs.plants import make_plant, step_limit
from plasma_trainer.envs.variants import SUITES, check_variant

__all__ = [
    "DEFECTS",
    "NAVIGATE_MAZE",
    "SUITES",
    "Act",
    "Actuator",
    "Changing",
    "Episode",
    "LoggedPlant",
    "background",
    "check_variant",
    "episode_returns",
    "fly",
    "make_pixel_plant",
    "make_plant",
    "spoil",
    "step_limit",
]
