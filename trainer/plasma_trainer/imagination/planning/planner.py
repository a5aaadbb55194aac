# SPDX-License-Identifier: Apache-2.0
"""What all planners have in common."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import Tensor

from plasma_trainer.errors import NoPlanError
from plasma_trainer.imagination.planning.budget import Budget
from plasma_trainer.imagination.planning.futures import Futures


class Planner(ABC):
    """Chooses actions for lives in a world; deterministic for a seed.

    No plan is chosen that is forbidden anywhere before its end, as far as the world can tell.
    """

    def __init__(self, futures: Futures, budget: Budget, seed: int) -> None:
        self.futures, self.budget = futures, budget
        self.generator = torch.Generator().manual_seed(seed)
        self._held, self._left = torch.zeros(0), 0

    @abstractmethod
    def plan(self, state: Tensor) -> Tensor:
        """The best plan that was imagined from each row of state [B, S]: [B, H] int64 or [B, H, A].

        Raises NoPlanError when all that were imagined from a row are forbidden.
        """

    def act(self, state: Tensor) -> Any:
        """The action [A] or int to take in state [1, S]; a new plan every `hold` calls."""
        if self._left == 0:
            self._held, self._left = self.plan(state)[0, 0], self.futures.hold
        self._left -= 1
        return self._held.numpy()[()]

    def forget(self) -> None:
        """What is still held is not for the next life."""
        self._left = 0


def no_plan(tried: int) -> NoPlanError:
    """What to raise when everything was forbidden."""
    return NoPlanError(
        f"all of {tried} plans are forbidden from here; act safely, or plan with a greater budget"
    )
