# SPDX-License-Identifier: Apache-2.0
"""What imagined futures are worth."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from plasma_trainer.imagination.phantoms import Reward
from plasma_trainer.world_models import Imagined, World

Forbidden = Callable[[Tensor, Tensor, Imagined], Tensor]
"""Which imagined steps must not happen: states [B, S], actions, the steps imagined from them; [B] bool out."""

Value = Callable[[Tensor], Tensor]
"""What is still to come after the last decision: features [B, F] in, discounted returns [B] out."""


@dataclass
class Futures:
    """A world, and what counts there: `reward` replaces its own, a future with a `forbidden` step before its end is
    worth -inf, and `value` stands for all that lies beyond the horizon. N futures side by side, S state.

    `imagined`: steps so far, of all futures.
    """

    world: World
    discount: float
    hold: int
    reward: Reward | None = None
    forbidden: Forbidden | None = None
    value: Value | None = None
    imagined: int = field(default=0, init=False)

    def follow(self, state: Tensor, plans: Tensor, generator: torch.Generator) -> Tensor:
        """Discounted returns [N] of plans [N, H] or [N, H, A] from state [N, S], one imagined future each."""
        total, weight = torch.zeros(len(plans)), torch.ones(len(plans))
        for action in plans.unbind(1):
            state, earned, left = self.decide(state, action, generator)
            total = torch.where(weight > 0, total + weight * earned, total)
            weight = weight * left
        return total + self.beyond(state, weight)

    def decide(
        self, state: Tensor, action: Tensor, generator: torch.Generator
    ) -> tuple[Tensor, Tensor, Tensor]:
        """One decision for state [N, S], held: the states it leads to, what it earns [N], and what a return from there
        on is worth now [N], 0 after an end."""
        earned, left = torch.zeros(len(state)), torch.ones(len(state))
        self.imagined += self.hold * len(state)
        for _ in range(self.hold):
            step = self.world.imagine(state, action, generator)
            reward = self.reward(state, action, step) if self.reward else step.reward
            earned = torch.where(left > 0, earned + left * reward, earned)
            if self.forbidden:
                earned[(left > 0) & self.forbidden(state, action, step)] = -torch.inf
            left = left * self.discount * ~step.terminated
            state = step.state
        return state, earned, left

    def beyond(self, state: Tensor, weight: Tensor) -> Tensor:
        """[N]: what lies beyond the horizon, seen from the beginning."""
        if self.value is None:
            return torch.zeros_like(weight)
        return weight * self.value(self.world.features(state))
