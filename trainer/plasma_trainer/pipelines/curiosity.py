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

DISCOUNT = 0.99
UNEXPLAINED = 1e-3  # share of a reward that rounding may leave over
TELLING = 4  # steps that must have told something
A_STEP = 0.9  # quantile of how far real steps go: the unit of distance here
SAME = 0.25  # of a step: what was done this close by was done here
REWARDED = 5.0  # new steps that the greatest reward so far is worth


def silent(action: Tensor, reward: Tensor, terminated: Tensor) -> bool:
    """Whether real steps give hardly a reason to be anywhere: fewer than TELLING of them ended an episode, or earned
    what does not follow from the action alone.

    The cost of acting, a constant or a quadratic, is all that a task with a distant goal shows before it is reached,
    and one lucky step does not show the way to it.

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
    return int((terminated | (error > rounding)).sum()) < TELLING


class Frontier:
    """A world as a seeker takes it. Where a step was made before, it leads where it led then: a network rounds the
    corners it was shown, and a planner would go through the wall just there, again and again. Elsewhere it is what
    `world` believes. Its reward is what is new, and what the task pays above nothing.

    Shapes: B rows, N real steps, O numbers observed, A numbers of an action.
    """

    def __init__(self, world: Ensemble, lived: Transitions) -> None:
        self.world, self.features = world, world.features
        steps = lived.tensors()
        self._done = self._place(steps["obs"], steps["action"])  # [N, O + A]
        self._came = steps["next_obs"]  # [N, O]
        went = world.obs_norm(steps["next_obs"]) - world.obs_norm(steps["obs"])
        self._step = went.norm(dim=-1).quantile(A_STEP)
        self._best = steps["reward"].max()

    def add(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> None:
        """Remember one more real step, [1, ...] each."""
        self._done = torch.cat([self._done, self._place(obs, action)])
        self._came = torch.cat([self._came, next_obs])

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        """One step for every row of state [B, O], see World.imagine."""
        step = self.world.imagine(state, action, generator)
        distance, nearest = torch.cdist(self._place(state, action), self._done).min(1)
        distance = distance / self._step
        done = distance < SAME
        doubt = (step.uncertainty / self.world.trusted_uncertainty).clamp_max(1.0)
        reward = (distance - 1.0).clamp(0.0, 1.0) + torch.where(done, 0.0, doubt)
        if self._best > 0:
            reward = reward + REWARDED * step.reward.clamp_min(0.0) / self._best
        state = torch.where(done[:, None], self._came[nearest], step.state)
        return step._replace(state=state, reward=reward)

    def _place(self, obs: Tensor, action: Tensor) -> Tensor:
        return torch.cat([self.world.obs_norm(obs), self.world.encode_action(action)], -1)


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
        self._frontier.add(*row)
        if ended:
            self._planner.forget()
