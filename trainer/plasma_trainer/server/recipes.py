# SPDX-License-Identifier: Apache-2.0
"""Tasks by name: what a request may call an environment, with the budget that it takes there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from plasma_trainer.envs import NAVIGATE_MAZE


@dataclass(frozen=True)
class Recipe:
    """`training`: what POST /train takes where the request leaves it open."""

    env: str
    training: dict[str, Any]


RECIPES = {"navigate_maze": Recipe(NAVIGATE_MAZE, {"real_steps": 3000, "iterations": 40})}


def env_of(task: str) -> str:
    """The Gymnasium id of a task, which is the name of a recipe or an id itself."""
    return RECIPES[task].env if task in RECIPES else task
