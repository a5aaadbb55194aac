# SPDX-License-Identifier: Apache-2.0
"""What to do while nothing is known to be worth anything: plan for what is new, until real steps have found what the
task rewards. New is what was not done yet, and what the world's members do not agree on (Plan2Explore, Sekar et al.,
2020); what was done is remembered as it was (Go-Explore, Ecoffet et al., 2021), and is the way to what is new.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from plasma_trainer.data import Transitions
from plasma_trainer.imagination.planning import Budget, Cem, Futures
from plasma_trainer.world_models import Ensemble, Imagined
from plasma_trainer.world_models.memory import SAME, Memory

DISCOUNT = 0.99
UNEXPLAINED = 1e-3  # share of a reward that rounding may leave over


def anything_tells(action: Tensor, reward: Tensor, terminated: Tensor) -> bool:
    """Whether a real step gives a reason to be somewhere: it ended an episode, or earned what does not follow from the
    action alone.

    The cost of acting, a constant or a quadratic, is all that a task with a distant goal shows before it is reached.

    action [N, A] (one-hot when discrete), reward [N], terminated [N] bool.
    """
    known = torch.cat([torch.ones_like(action[:, :1]), action, action.square()], 1).double()
    wanted = reward.double()
    usual, error = ~terminated, wanted
    for _ in range(2):  # the second time without rare great rewards, which bend a fit
        fitted = torch.linalg.lstsq(known[usual], wanted[usual, None], driver="gelsd").solution
        error = (wanted - (known @ fitted)[:, 0]).abs()
        usual &= error <= 10 * error[usual].median() + UNEXPLAINED
    rounding = UNEXPLAINED * (1.0 + wanted[usual].abs().max())
    return bool((terminated | (error > rounding)).any())


class Frontier:
    """A world as a seeker takes it: it remembers, and pays for nothing but what is new.

    Shapes: B rows, O numbers observed.
    """

    def __init__(self, world: Ensemble, lived: Transitions) -> None:
        self._world, self.memory, self.features = world, Memory(world, lived), world.features

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        """One step for every row of state [B, O], see World.imagine."""
        believed = self._world.imagine(state, action, generator)
        step, distance = self.memory.mend(believed, state, action)
        doubt = (step.uncertainty / self._world.trusted_uncertainty).clamp_max(1.0)
        news = (distance - 1.0).clamp(0.0, 1.0) + torch.where(distance < SAME, 0.0, doubt)
        return step._replace(reward=news)


class Seeker:
    """Plans to see what is new, and learns from every real step what is no longer."""

    def __init__(
        self, world: Ensemble, lived: Transitions, space: gym.Space[Any], seed: int
    ) -> None:
        self._frontier, budget = Frontier(world, lived), Budget()
        self._planner = Cem(Futures(self._frontier, DISCOUNT, budget.hold), space, budget, seed)

    def act(self, obs: np.ndarray) -> Any:
        """The action to take where obs [O] is seen."""
        return self._planner.act(torch.from_numpy(obs)[None])

    def learn(self, obs: np.ndarray, action: Any, next_obs: np.ndarray, ended: bool) -> None:
        """Take note of what a real step led to; `ended`: it was the last of its episode."""
        row = (torch.as_tensor(np.asarray(column))[None] for column in (obs, action, next_obs))
        self._frontier.memory.add(*row)
        if ended:
            self._planner.forget()
