# SPDX-License-Identifier: Apache-2.0
"""NavigateMaze: one reward at the far end of a maze, and nothing on the way. Random actions hardly ever find it."""

from __future__ import annotations

from typing import Any, ClassVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces

ID = "plasma/NavigateMaze-v0"
STEPS = 100  # of an episode
SERPENTINE = (
    "S......",
    ".......",
    "######.",
    ".......",
    ".......",
    ".######",
    "......G",
)
"""`S` start, `G` goal, `#` wall: three halls, whose doors are at opposite ends. 24 steps at best."""

MOVES = ((0, 1), (1, 0), (0, -1), (-1, 0))  # row, column: right, down, left, up
PIXELS = 24  # of a cell's side, when rendered
INK = {"#": (60, 64, 72), "S": (238, 238, 236), ".": (238, 238, 236), "G": (24, 121, 78)}
WALKER = (52, 81, 199)


class NavigateMaze(gym.Env[np.ndarray, np.integer[Any]]):
    """Actions: 0 right, 1 down, 2 left, 3 up, by one cell; walls stop. Observes where it is: float32 [2], column and
    row from -1 (left, top) to 1. Reward 1 at the goal, which ends the episode; 0 elsewhere.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": ["rgb_array"], "render_fps": 15}

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode
        self.observation_space = spaces.Box(-1.0, 1.0, (2,), np.float32)
        self.action_space = spaces.Discrete(len(MOVES))
        self._cells = np.array([list(row) for row in SERPENTINE])
        self._here = self._find("S")

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._here = self._find("S")
        return self._seen(), {}

    def step(self, action: Any) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        wanted = self._here + MOVES[int(action)]
        inside = (wanted >= 0).all() and (wanted < self._cells.shape).all()
        if inside and self._cells[tuple(wanted)] != "#":
            self._here = wanted
        found = bool(self._cells[tuple(self._here)] == "G")
        return self._seen(), float(found), found, False, {}

    def render(self) -> np.ndarray:
        """The maze from above, [H, W, 3] uint8."""
        image = np.array([[INK[cell] for cell in row] for row in self._cells], np.uint8)
        image[tuple(self._here)] = WALKER
        return image.repeat(PIXELS, 0).repeat(PIXELS, 1)

    def _find(self, what: str) -> np.ndarray:
        return np.argwhere(self._cells == what)[0]

    def _seen(self) -> np.ndarray:
        """float32 [2]: column and row, as shares of the way across."""
        row, column = 2.0 * self._here / (np.array(self._cells.shape) - 1) - 1.0
        return np.array([column, row], np.float32)


gym.register(ID, NavigateMaze, reward_threshold=0.9, max_episode_steps=STEPS)
