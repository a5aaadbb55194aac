# SPDX-License-Identifier: Apache-2.0
"""Planning by drawing: a few rounds of random plans, each narrowed to what was good in the one before.

Cem is the cross-entropy method (Rubinstein, 1999; PETS, Chua et al., 2018): a round learns from its best plans, all
alike. Mppi is model predictive path integral control (Williams et al., 2017): it learns from all, by the exponential of
what they are worth. Continuous decisions are drawn from a Gaussian, discrete ones from a categorical, for each place in
the plan.

Shapes: B states, N plans, H decisions, A numbers of an action (of discrete ones, their probabilities), S state.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import gymnasium as gym
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.imagination.planning.budget import Budget
from plasma_trainer.imagination.planning.futures import Futures
from plasma_trainer.imagination.planning.planner import Planner, no_plan

Propose = Callable[[Tensor], Tensor]
"""A policy: features [B, F] in, actions [B] int64 or [B, A] out."""

SMOOTHING = 0.1  # of what a round believed before stays: an early mistake can be taken back
SHARPNESS = 3.0  # of Mppi: how many standard deviations of worth make a factor of e^SHARPNESS


class _Sampling(Planner):
    """With `propose`, the first round draws around what that policy would do, and its plan is one of all of them."""

    def __init__(
        self,
        futures: Futures,
        space: gym.Space[Any],
        budget: Budget,
        seed: int,
        propose: Propose | None = None,
    ) -> None:
        super().__init__(futures, budget, seed)
        self.propose = propose
        self.draws = _Choices(space) if isinstance(space, spaces.Discrete) else _Levels(space)

    @torch.no_grad()
    def plan(self, state: Tensor) -> Tensor:
        b, rows = self.budget, torch.arange(len(state))
        proposal = self._proposal(state) if self.propose else None
        belief = self.draws.undecided(len(state), b.decisions, proposal)
        best, best_value = None, torch.full((len(state),), -torch.inf)
        for _ in range(b.rounds):
            plans = self.draws.draw(belief, b.plans, self.generator)  # [B, N, H, ...]
            if proposal is not None:
                plans[:, 0] = proposal
            value = self._value(state, plans)
            top = value.argmax(1)
            better = value[rows, top] > best_value
            chosen = plans[rows, top]
            best = chosen if best is None else torch.where(_like(better, best), chosen, best)
            best_value = torch.where(better, value[rows, top], best_value)
            hopeful = best_value > -torch.inf
            narrowed = self.draws.narrow(belief, plans, self.weights(value))
            belief = torch.where(_like(hopeful, belief), narrowed, belief)
        if best is None or (best_value == -torch.inf).any():
            raise no_plan(b.plans * b.rounds)
        return best

    @abstractmethod
    def weights(self, value: Tensor) -> Tensor:
        """How much the next round is to learn from each plan: worth [B, N] in, [B, N] that sum to 1 out."""

    def _value(self, state: Tensor, plans: Tensor) -> Tensor:
        """[B, N]"""
        many = state.repeat_interleave(plans.shape[1], 0)
        return self.futures.follow(many, plans.flatten(0, 1), self.generator).view(plans.shape[:2])

    def _proposal(self, state: Tensor) -> Tensor:
        """What the policy would decide, step by step: [B, H, ...]."""
        assert self.propose
        decided = []
        for _ in range(self.budget.decisions):
            decided.append(self.propose(self.futures.world.features(state)))
            state, _, _ = self.futures.decide(state, decided[-1], self.generator)
        return torch.stack(decided, 1)


class Cem(_Sampling):
    """The cross-entropy method."""

    def weights(self, value: Tensor) -> Tensor:
        top = value.topk(min(self.budget.elite, value.shape[1]), 1)
        allowed = (top.values > -torch.inf).float()
        share = allowed / allowed.sum(1, keepdim=True).clamp_min(1.0)
        return torch.zeros_like(value).scatter(1, top.indices, share)


class Mppi(_Sampling):
    """Model predictive path integral control."""

    def weights(self, value: Tensor) -> Tensor:
        allowed = value > -torch.inf
        known = torch.where(allowed, value, torch.nan)
        spread = (known - known.nanmean(1, keepdim=True)).square().nanmean(1, keepdim=True).sqrt()
        scaled = SHARPNESS * value / spread.nan_to_num(1.0).clamp_min(1e-6)
        return torch.where(allowed, scaled.softmax(1), 0.0)


class _Levels:
    """Continuous decisions: a mean and a deviation for each, [B, H, 2, A]."""

    def __init__(self, space: gym.Space[Any]) -> None:
        assert isinstance(space, spaces.Box)
        self.low, self.high = torch.from_numpy(space.low), torch.from_numpy(space.high)

    def undecided(self, count: int, decisions: int, proposal: Tensor | None) -> Tensor:
        half = (self.high - self.low) / 2
        if proposal is not None:
            return torch.stack([proposal, (half / 2).expand_as(proposal)], 2)
        return torch.stack([(self.high + self.low) / 2, half]).expand(count, decisions, 2, -1)

    def draw(self, belief: Tensor, count: int, generator: torch.Generator) -> Tensor:
        mean, std = belief[:, None].unbind(3)  # [B, 1, H, A]
        noise = torch.randn(len(belief), count, *mean.shape[2:], generator=generator)
        return torch.minimum(torch.maximum(mean + std * noise, self.low), self.high)

    def narrow(self, belief: Tensor, plans: Tensor, weights: Tensor) -> Tensor:
        share = weights[:, :, None, None]
        mean = (share * plans).sum(1)
        std = (share * (plans - mean[:, None]).square()).sum(1).sqrt()
        return torch.lerp(torch.stack([mean, std], 2), belief, SMOOTHING)


class _Choices:
    """Discrete decisions: probabilities for each, [B, H, A]."""

    def __init__(self, space: spaces.Discrete) -> None:
        self.count = int(space.n)

    def undecided(self, count: int, decisions: int, proposal: Tensor | None) -> Tensor:
        even = torch.full((count, decisions, self.count), 1.0 / self.count)
        return even if proposal is None else (even + self._one_hot(proposal)) / 2

    def draw(self, belief: Tensor, count: int, generator: torch.Generator) -> Tensor:
        flat = belief.flatten(0, 1)
        drawn = torch.multinomial(flat, count, replacement=True, generator=generator)
        return drawn.view(*belief.shape[:2], count).movedim(2, 1)

    def narrow(self, belief: Tensor, plans: Tensor, weights: Tensor) -> Tensor:
        seen = (weights[:, :, None, None] * self._one_hot(plans)).sum(1)
        return torch.lerp(seen, belief, SMOOTHING)

    def _one_hot(self, decisions: Tensor) -> Tensor:
        return torch.nn.functional.one_hot(decisions, self.count).float()


def _like(mask: Tensor, other: Tensor) -> Tensor:
    """[B] bool, to be used on [B, ...]."""
    return mask.view(-1, *[1] * (other.dim() - 1))
