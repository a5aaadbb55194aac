# SPDX-License-Identifier: Apache-2.0
"""Thinking before acting: the cross-entropy method on imagined futures (Rubinstein, 1999; PETS, Chua et al., 2018).

A plan is a row of decisions, each held for `hold` steps: held actions go places that independent ones average out of
(Pinneri et al., 2020), and a long future stays cheap. Continuous decisions are drawn from a Gaussian, discrete ones
from a categorical, for each place in the plan; each of a few rounds narrows them to what the best drawn plans did.

Shapes: N plans, H decisions, A numbers of an action, S state.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.errors import NoPlanError
from plasma_trainer.imagination.phantoms import Reward
from plasma_trainer.world_models import Imagined, World

Forbidden = Callable[[Tensor, Tensor, Imagined], Tensor]
"""Which imagined steps must not happen: states [B, S], actions, the steps imagined from them; [B] bool out."""

SMOOTHING = 0.1  # of what a round believed before stays: an early mistake can be taken back


@dataclass(frozen=True)
class Budget:
    """What a plan may cost: plans × rounds × decisions × hold imagined steps."""

    plans: int = 128
    rounds: int = 3
    decisions: int = 12
    hold: int = 4
    elite: int = 12


class Planner:
    """Chooses actions for one life in `world`; deterministic for a seed.

    `reward` replaces the world's. No plan is chosen that was `forbidden` anywhere before its end, as far as the world
    can tell.
    """

    def __init__(
        self,
        world: World,
        space: gym.Space[Any],
        discount: float,
        seed: int,
        budget: Budget | None = None,
        reward: Reward | None = None,
        forbidden: Forbidden | None = None,
    ) -> None:
        self.world, self.discount = world, discount
        self.reward, self.forbidden = reward, forbidden
        self.budget = budget or Budget()
        self.generator = torch.Generator().manual_seed(seed)
        self.draws = _Choices(space) if isinstance(space, spaces.Discrete) else _Levels(space)
        self._held, self._left = torch.zeros(0), 0

    def act(self, state: Tensor) -> Any:
        """The action [A] or int to take in state [1, S]; a new plan every `hold` calls."""
        if self._left == 0:
            self._held, self._left = self.plan(state)[0], self.budget.hold
        self._left -= 1
        return self._held.numpy()[()]

    @torch.no_grad()
    def plan(self, state: Tensor) -> Tensor:
        """The best plan that was imagined from state [1, S]: [H] int64 or [H, A].

        Raises NoPlanError when all that were imagined are forbidden.
        """
        b = self.budget
        belief = self.draws.undecided(b.decisions)
        best, best_value = None, -torch.inf
        for _ in range(b.rounds):
            plans = self.draws.draw(belief, b.plans, self.generator)
            value = self._value(state, plans)
            top = value.topk(b.elite).indices
            top = top[value[top] > -torch.inf]
            if len(top) == 0:
                continue
            if value[top[0]] > best_value:
                best, best_value = plans[top[0]], value[top[0]]
            belief = self.draws.narrow(belief, plans[top])
        if best is None:
            raise NoPlanError(
                f"all of {b.plans * b.rounds} plans are forbidden from here; act safely, "
                "or plan with a greater budget"
            )
        return best

    def _value(self, state: Tensor, plans: Tensor) -> Tensor:
        """Discounted return [N] of every plan, in one imagined future each."""
        state = state.expand(len(plans), -1)
        total = torch.zeros(len(plans))
        weight = torch.ones(len(plans))
        for action in plans.unbind(1):
            for _ in range(self.budget.hold):
                step = self.world.imagine(state, action, self.generator)
                reward = self.reward(state, action, step) if self.reward else step.reward
                total += weight * reward
                if self.forbidden:
                    total[(weight > 0) & self.forbidden(state, action, step)] = -torch.inf
                weight *= self.discount * ~step.terminated
                state = step.state
        return total


class _Levels:
    """Continuous decisions: a mean and a deviation for each."""

    def __init__(self, space: gym.Space[Any]) -> None:
        assert isinstance(space, spaces.Box)
        self.low, self.high = torch.from_numpy(space.low), torch.from_numpy(space.high)

    def undecided(self, decisions: int) -> Tensor:
        middle, half = (self.high + self.low) / 2, (self.high - self.low) / 2
        return torch.stack([middle, half]).expand(decisions, 2, -1)

    def draw(self, belief: Tensor, count: int, generator: torch.Generator) -> Tensor:
        mean, std = belief.unbind(1)
        noise = torch.randn(count, *mean.shape, generator=generator)
        return torch.minimum(torch.maximum(mean + std * noise, self.low), self.high)

    def narrow(self, belief: Tensor, elite: Tensor) -> Tensor:
        seen = torch.stack([elite.mean(0), elite.std(0, correction=0)], 1)
        return torch.lerp(seen, belief, SMOOTHING)


class _Choices:
    """Discrete decisions: probabilities for each."""

    def __init__(self, space: spaces.Discrete) -> None:
        self.count = int(space.n)

    def undecided(self, decisions: int) -> Tensor:
        return torch.full((decisions, self.count), 1.0 / self.count)

    def draw(self, belief: Tensor, count: int, generator: torch.Generator) -> Tensor:
        return torch.multinomial(belief, count, replacement=True, generator=generator).T

    def narrow(self, belief: Tensor, elite: Tensor) -> Tensor:
        seen = torch.nn.functional.one_hot(elite, self.count).float().mean(0)
        return torch.lerp(seen, belief, SMOOTHING)
