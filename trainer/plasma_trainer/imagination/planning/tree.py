# SPDX-License-Identifier: Apache-2.0
"""Planning by branching, for discrete actions: every action of a state is imagined, and the promising ones go on.

One life at a time; a tree of one imagined future per action, which suits worlds with little chance in them.
"""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, field
from typing import Any

import gymnasium as gym
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.errors import UsageError
from plasma_trainer.imagination.planning.budget import Budget
from plasma_trainer.imagination.planning.futures import Futures
from plasma_trainer.imagination.planning.planner import Planner, no_plan

CURIOSITY = 1.25  # of Mcts: how much an action that was seldom tried is worth trying


class _Branching(Planner):
    """Raises UsageError for a space of continuous actions."""

    def __init__(self, futures: Futures, space: gym.Space[Any], budget: Budget, seed: int) -> None:
        super().__init__(futures, budget, seed)
        if not isinstance(space, spaces.Discrete):
            raise UsageError(
                f"found {space}; a tree branches over discrete actions; plan with cem or mppi"
            )
        self.actions = torch.arange(int(space.n))

    @torch.no_grad()
    def plan(self, state: Tensor) -> Tensor:
        return torch.stack([self._plan_one(row[None]) for row in state])

    @abstractmethod
    def _plan_one(self, state: Tensor) -> Tensor:
        """From state [1, S]: [H] int64."""

    def _branch(self, state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Every action from every row of state [K, S]: what Futures.decide returns, [K * A], actions fastest."""
        each = len(self.actions)
        return self.futures.decide(
            state.repeat_interleave(each, 0), self.actions.repeat(len(state)), self.generator
        )


class Beam(_Branching):
    """Beam search: at every depth the `plans` most promising beginnings go on, the others are dropped."""

    def _plan_one(self, state: Tensor) -> Tensor:
        each = len(self.actions)
        plans = torch.zeros(1, 0, dtype=torch.int64)
        total, weight = torch.zeros(1), torch.ones(1)
        for _ in range(self.budget.decisions):
            state, earned, left = self._branch(state)
            total, before = total.repeat_interleave(each), weight.repeat_interleave(each)
            total = torch.where(before > 0, total + before * earned, total)
            weight = before * left
            beginnings = plans.repeat_interleave(each, 0)
            plans = torch.cat([beginnings, self.actions.repeat(len(plans))[:, None]], 1)
            promise = total + self.futures.beyond(state, weight)
            kept = promise.topk(min(self.budget.plans, len(promise))).indices
            kept = kept[promise[kept] > -torch.inf]
            if len(kept) == 0:
                raise no_plan(len(promise))
            state, total, weight, plans = state[kept], total[kept], weight[kept], plans[kept]
        return plans[0]


@dataclass
class _Node:
    """A state [1, S]; what the decision that led there earned, and what a return from there on is worth before it;
    what the state itself promises."""

    state: Tensor
    earned: float
    left: float
    value: float
    visits: int = 0
    worth: float = 0.0  # of the state, summed over visits
    children: list[_Node] = field(default_factory=list)

    @property
    def mean(self) -> float:
        """What the decision that led here is worth; -inf if that, or all that could follow, is forbidden."""
        return self.earned + self.left * (self.worth / self.visits if self.visits else self.value)

    @property
    def allowed(self) -> list[_Node]:
        """Children that are not forbidden."""
        return [child for child in self.children if child.mean > -math.inf]


class Mcts(_Branching):
    """Monte Carlo tree search (UCT, Kocsis and Szepesvári, 2006), worth scaled to [0, 1] as in MuZero (Schrittwieser et
    al., 2020): `plans` times, go down to a leaf, imagine all its actions, and carry what they promise up."""

    def _plan_one(self, state: Tensor) -> Tensor:
        root = _Node(state, 0.0, 1.0, 0.0)
        self._expand(root)
        for _ in range(self.budget.plans):
            if not root.allowed:
                break
            self._simulate(root)
        if not root.allowed:
            raise no_plan(self.budget.plans)
        return self._most_visited(root)

    def _simulate(self, root: _Node) -> None:
        path = [root]
        while path[-1].allowed:
            path.append(self._choose(path[-1]))
        leaf = path[-1]
        if leaf.left > 0 and len(path) <= self.budget.decisions:
            self._expand(leaf)
            if not leaf.allowed:  # a dead end: nobody is to come here again
                leaf.earned = -math.inf
                return
            leaf.value = max(child.mean for child in leaf.allowed)
        worth = leaf.value
        for node in reversed(path):
            node.visits += 1
            node.worth += worth
            worth = node.earned + node.left * worth

    def _expand(self, node: _Node) -> None:
        state, *figures = self._branch(node.state)
        figures.append(self.futures.beyond(state, torch.ones(len(state))))
        rows = zip(*(column.tolist() for column in figures), strict=True)
        node.children = [_Node(state[i : i + 1], *row) for i, row in enumerate(rows)]

    def _choose(self, node: _Node) -> _Node:
        """The child that promises most, or was tried least."""
        means = [child.mean for child in node.allowed]
        low, span = min(means), max(means) - min(means) or 1.0
        novelty = CURIOSITY * math.sqrt(node.visits + 1) / len(means)
        return max(node.allowed, key=lambda c: (c.mean - low) / span + novelty / (1 + c.visits))

    def _most_visited(self, node: _Node) -> Tensor:
        """The way most often gone, [H]; where it ends early, its last action goes on."""
        plan: list[int] = []
        while node.allowed:
            best = max(node.allowed, key=lambda child: (child.visits, child.mean))
            plan.append(next(i for i, child in enumerate(node.children) if child is best))
            node = best
        horizon = self.budget.decisions
        return torch.tensor((plan + plan[-1:] * horizon)[:horizon])
