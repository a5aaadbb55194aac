# SPDX-License-Identifier: Apache-2.0
"""Phantom paths: many lives in a learnt world, side by side."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.data import Paths
from plasma_trainer.world_models import Imagined, World

Sample = Callable[[Tensor, torch.Generator], Tensor]
"""What is seen [B, F] and a source of randomness in, actions [B] int64 or [B, A] float32 out."""

Reward = Callable[[Tensor, Tensor, Imagined], Tensor]
"""What a step is worth, r(z, a, z'): states [B, S], actions, the steps imagined from them; rewards [B] out."""


@dataclass(frozen=True)
class Starts:
    """Where phantom paths begin. A share `visited_share` of them starts in the middle of real experience.

    reset_states [R, S]: a world's states at the first observations of real episodes; visited_states [V, S]: any.
    """

    reset_states: Tensor
    visited_states: Tensor
    visited_share: float

    def draw(self, count: int, generator: torch.Generator) -> Tensor:
        """[count, S]"""
        visited = (
            torch.rand(count, generator=generator, device=generator.device) < self.visited_share
        )
        from_reset = _rows(self.reset_states, count, generator)
        from_visited = _rows(self.visited_states, count, generator)
        return torch.where(visited[:, None], from_visited, from_reset)


class Phantoms:
    """B phantom lives that go on from one call to the next; a life that ends is replaced at once by a new one.

    The time limit truncates, it does not terminate: whoever learns from the paths may bootstrap there.

    With `lost_return`, a life ends where the world is lost, as if it had earned that return from there on (the HALT
    state of MOReL, Kidambi et al., 2020); see `worst_return`. Without it, life goes on as the world believes, and
    a policy learns the world's mistakes before it learns the task.

    Paths show what `view` shows of a state: a world's features, which its own policies read, or its decoded
    observations, which anybody's do. A `reward` of one's own replaces the world's. Everything stays on the device that
    the starts are on.
    """

    def __init__(
        self,
        world: World,
        starts: Starts,
        count: int,
        max_steps: int,
        seed: int,
        lost_return: float | None,
        view: Callable[[Tensor], Tensor] | None = None,
        reward: Reward | None = None,
    ) -> None:
        self.world, self.starts, self.max_steps = world, starts, max_steps
        self.lost_return, self.view, self.reward = lost_return, view or world.features, reward
        self.generator = torch.Generator(starts.reset_states.device).manual_seed(seed)
        self.state = self.starts.draw(count, self.generator)  # [B, S]
        self.age = torch.zeros_like(self.state[:, 0], dtype=torch.int64)  # [B] steps

    @property
    def obs(self) -> Tensor:
        """[B, F]: what the lives see before they act."""
        return self.view(self.state)

    def stagger(self) -> None:
        """Give the lives different ages. Of equal ages, they would all be in the same phase of the task at any time,
        and whoever learns from one stretch of them would forget the other phases."""
        self.age = torch.randint_like(self.age, self.max_steps, generator=self.generator)

    def step(self, action: Tensor) -> Paths:
        """One step of every life, as columns without the T axis. Afterwards `self.state` is where the next begins."""
        obs, step = self.obs, self.world.imagine(self.state, action, self.generator)
        reward = self.reward(self.state, action, step) if self.reward else step.reward
        terminated = step.terminated
        if self.lost_return is not None:
            reward = reward + self.lost_return * (step.lost & ~terminated)
            terminated = terminated | step.lost
        self.age += 1
        truncated = (self.age >= self.max_steps) & ~terminated
        next_obs = self.view(step.state)
        row = Paths(obs, action, reward, next_obs, terminated, truncated, step.uncertainty)
        fresh = self.starts.draw(len(obs), self.generator)
        self.state = torch.where(row.ended[:, None], fresh, step.state)
        self.age = torch.where(row.ended, 0, self.age)
        return row

    @torch.no_grad()
    def roll(self, policy: Sample, horizon: int) -> Paths:
        """The next `horizon` steps under `policy`: columns [T, B, ...]."""
        rows = [self.step(policy(self.obs, self.generator)) for _ in range(horizon)]
        columns = zip(*(vars(row).values() for row in rows), strict=True)
        return Paths(*(torch.stack(column) for column in columns))


def simulate(
    world: World,
    policy: Sample,
    start_states: Tensor,
    n: int,
    horizon: int,
    seed: int,
    temperature: float = 1.0,
) -> Paths:
    """`n` phantom paths of at most `horizon` steps, each from a random row of start_states [R, S].

    `temperature` multiplies the world's own. Equal seeds give equal bits. Paths go where the world believes, also where
    it is lost: this is for looking at what a policy was promised, not for training one. After a path's first end (see
    Paths.in_first_episode) comes another life.
    """
    starts = Starts(start_states, start_states, visited_share=0.0)
    calibrated = world.temperature.clone()
    world.temperature.mul_(temperature)
    try:
        return Phantoms(world, starts, n, horizon, seed, lost_return=None).roll(policy, horizon)
    finally:
        world.temperature.copy_(calibrated)


def worst_return(reward: Tensor, terminated: Tensor, discount: float) -> float:
    """The discounted return of the worst future that real transitions [N] give reason to fear.

    Earning the least reward for ever; or nothing, if episodes can end and that is worse.
    """
    for_ever = float(reward.min()) / (1.0 - discount)
    return min(0.0, for_ever) if terminated.any() else for_ever


def _rows(table: Tensor, count: int, generator: torch.Generator) -> Tensor:
    return table[torch.randint(len(table), (count,), generator=generator, device=table.device)]
