# SPDX-License-Identifier: Apache-2.0
"""Phantom paths: many lives in a learnt world, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.data import Paths
from plasma_trainer.world_models import Ensemble

Sample = Callable[[Tensor, torch.Generator], Tensor]
"""Observations [B, O] and a source of randomness in, actions [B] int64 or [B, A] float32 out."""


@dataclass(frozen=True)
class Starts:
    """Where phantom paths begin. A share `visited_share` of them starts in the middle of real experience.

    reset_obs [R, O]: first observations of real episodes; visited_obs [V, O]: any observations.
    """

    reset_obs: Tensor
    visited_obs: Tensor
    visited_share: float

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, O]"""
        visited = torch.rand(count, generator=generator) < self.visited_share
        from_reset = _rows(self.reset_obs, count, generator)
        return torch.where(visited[:, None], _rows(self.visited_obs, count, generator), from_reset)


class Phantoms:
    """B phantom lives that go on from one call to the next; a life that ends is replaced at once by a new one.

    The time limit truncates, it does not terminate: whoever learns from the paths may bootstrap there.

    With `lost_return`, a life ends where the world is lost, as if it had earned that return from there on (the HALT
    state of MOReL, Kidambi et al., 2020); see `worst_return`. Without it, life goes on as the world believes, and
    a policy learns the world's mistakes before it learns the task.
    """

    def __init__(
        self,
        world: Ensemble,
        starts: Starts,
        count: int,
        max_steps: int,
        seed: int,
        lost_return: float | None,
    ) -> None:
        self.world, self.starts, self.max_steps = world, starts, max_steps
        self.lost_return = lost_return
        self.generator = torch.Generator().manual_seed(seed)
        self.obs = self.starts.draw(count, self.generator)  # [B, O]
        self.age = torch.zeros(count, dtype=torch.int64)  # [B] steps

    def stagger(self) -> None:
        """Give the lives different ages. Of equal ages, they would all be in the same phase of the task at any time,
        and whoever learns from one stretch of them would forget the other phases."""
        self.age = torch.randint(self.max_steps, self.age.shape, generator=self.generator)

    def step(self, action: Tensor) -> Paths:
        """One step of every life, as columns without the T axis. Afterwards `self.obs` is where the next one begins."""
        obs, step = self.obs, self.world.imagine(self.obs, action, self.generator)
        reward, terminated = step.reward, step.terminated
        if self.lost_return is not None:
            reward = reward + self.lost_return * (step.lost & ~terminated)
            terminated = terminated | step.lost
        self.age += 1
        truncated = (self.age >= self.max_steps) & ~terminated
        row = Paths(obs, action, reward, step.next_obs, terminated, truncated, step.uncertainty)
        fresh = self.starts.draw(len(obs), self.generator)
        self.obs = torch.where(row.ended[:, None], fresh, step.next_obs)
        self.age = torch.where(row.ended, 0, self.age)
        return row

    @torch.no_grad()
    def roll(self, policy: Sample, horizon: int) -> Paths:
        """The next `horizon` steps under `policy`: columns [T, B, ...]."""
        rows = [self.step(policy(self.obs, self.generator)) for _ in range(horizon)]
        columns = zip(*(vars(row).values() for row in rows), strict=True)
        return Paths(*(torch.stack(column) for column in columns))


def simulate(
    world: Ensemble, policy: Sample, start_obs: Tensor, n: int, horizon: int, seed: int
) -> Paths:
    """`n` phantom paths of at most `horizon` steps, each from a random row of start_obs [R, O].

    Equal seeds give equal bits. Paths go where the world believes, also where it is lost: this is for looking at what a
    policy was promised, not for training one. After a path's first end (see Paths.in_first_episode) comes another life.
    """
    starts = Starts(start_obs, start_obs, visited_share=0.0)
    return Phantoms(world, starts, n, horizon, seed, lost_return=None).roll(policy, horizon)


def worst_return(reward: Tensor, terminated: Tensor, discount: float) -> float:
    """The discounted return of the worst future that real transitions [N] give reason to fear.

    Earning the least reward for ever; or nothing, if episodes can end and that is worse.
    """
    for_ever = float(reward.min()) / (1.0 - discount)
    return min(0.0, for_ever) if terminated.any() else for_ever


def _rows(table: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return table[torch.randint(len(table), (count,), generator=generator)]
