# SPDX-License-Identifier: Apache-2.0
"""An actuator whose wiring can be swapped while the plant runs."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces

from plasma_trainer.errors import UsageError


class Actuator(gym.ActionWrapper[Any, Any, Any]):
    """Passes actions through, or mirrored once `reverse()` was called: a motor wired backwards.

    Mirroring maps a discrete action a to n - 1 - a and a continuous one to low + high - a, so the mirrored action is
    always legal. (Negating a torque limit instead would not reverse a motor: a clip to swapped limits is a constant.)
    """

    def __init__(self, env: gym.Env[Any, Any], reversed_: bool = False) -> None:
        super().__init__(env)
        space = env.action_space
        bounded = isinstance(space, spaces.Box) and space.is_bounded()
        if not (isinstance(space, spaces.Discrete) or bounded):
            raise UsageError(
                f"cannot reverse the actuator of {space}: it has no mirror image; "
                "use an environment with a Discrete or a bounded Box action space"
            )
        self.reversed = reversed_

    def reverse(self) -> None:
        """Swap the wiring, at once, also in the middle of an episode."""
        self.reversed = not self.reversed

    def action(self, action: Any) -> Any:
        if not self.reversed:
            return action
        space = self.env.action_space
        if isinstance(space, spaces.Discrete):
            return space.dtype.type(space.n - 1 - action)
        assert isinstance(space, spaces.Box)
        return np.asarray(space.low + space.high - action, dtype=space.dtype)
