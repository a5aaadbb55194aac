# SPDX-License-Identifier: Apache-2.0
"""Planning only where it may matter: a policy acts, and a planner thinks where the world is in doubt."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor

from plasma_trainer.imagination.planning.planner import Planner


class Gated:
    """`policy` takes features [1, F] to an action, `doubt` a state [1, S] to a number: above `limit`, `planner` acts.

    `calls` and `planned` count both.
    """

    def __init__(
        self,
        planner: Planner,
        policy: Callable[[Tensor], Any],
        doubt: Callable[[Tensor], float],
        limit: float,
    ) -> None:
        self.planner, self.policy, self.doubt, self.limit = planner, policy, doubt, limit
        self.calls, self.planned = 0, 0

    def act(self, state: Tensor) -> Any:
        """The action [A] or int to take in state [1, S]."""
        self.calls += 1
        if self.doubt(state) <= self.limit:
            self.planner.forget()
            return self.policy(self.planner.futures.world.features(state))
        self.planned += 1
        return self.planner.act(state)
