# SPDX-License-Identifier: Apache-2.0
"""Planning only where it may matter: a policy acts, and a planner thinks where there is most doubt."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from torch import Tensor

from plasma_trainer.imagination.planning.planner import Planner

WINDOW = 400  # steps that what is much doubt is judged by: a life may lead where there is always more of it


class Gated:
    """`policy` takes features [1, F] to an action, `doubt` a state [1, S] to a number. Where that is among the greatest
    `share` of the last WINDOW, `planner` acts; `usual` is doubt from before the first step.

    `calls` and `planned` count both.
    """

    def __init__(
        self,
        planner: Planner,
        policy: Callable[[Tensor], Any],
        doubt: Callable[[Tensor], float],
        share: float,
        usual: Sequence[float] = (),
    ) -> None:
        self.planner, self.policy, self.doubt, self.share = planner, policy, doubt, share
        self.calls, self.planned = 0, 0
        self._recent = deque(usual, WINDOW)

    def act(self, state: Tensor) -> Any:
        """The action [A] or int to take in state [1, S]."""
        self.calls += 1
        if not self._is_doubtful(state):
            self.planner.forget()
            return self.policy(self.planner.futures.world.features(state))
        self.planned += 1
        return self.planner.act(state)

    def _is_doubtful(self, state: Tensor) -> bool:
        doubt = self.doubt(state)
        self._recent.append(doubt)
        return bool(np.mean(np.array(self._recent) >= doubt) <= self.share)
