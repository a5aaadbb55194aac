# SPDX-License-Identifier: Apache-2.0
"""A batch of paths through a world: what imagination writes, what policies learn from, what the audit reads."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.data.log import Log, Trajectory


@dataclass(frozen=True)
class Paths:
    """T steps of B paths side by side. T time, B batch, O observation, A action.

    obs, next_obs [T, B, O]; action [T, B] int64 or [T, B, A] float32; reward [T, B]; terminated, truncated [T, B] bool;
    uncertainty [T, B]: how much the world's members disagree about the step, in standard deviations of a real step.
    After an end, a path continues from a new start in the next row; `next_obs` is always the true successor.
    """

    obs: Tensor
    action: Tensor
    reward: Tensor
    next_obs: Tensor
    terminated: Tensor
    truncated: Tensor
    uncertainty: Tensor

    @property
    def ended(self) -> Tensor:
        """[T, B] bool: the episode ended with this step."""
        return self.terminated | self.truncated

    @property
    def in_first_episode(self) -> Tensor:
        """[T, B] bool: the step belongs to its path's first episode."""
        ends_before = self.ended.cumsum(0) - self.ended.long()
        return ends_before == 0

    def first_episodes(self) -> Log:
        """Each path's first episode, up to T steps of it, as if it had been recorded."""
        inside = self.in_first_episode
        episodes = []
        for path, steps in enumerate(inside.sum(0).tolist()):
            obs = torch.cat([self.obs[:steps, path], self.next_obs[steps - 1 : steps, path]])
            episodes.append(
                Trajectory(
                    obs.numpy(),
                    self.action[:steps, path].numpy(),
                    self.reward[:steps, path].numpy(),
                    bool(self.terminated[steps - 1, path]),
                )
            )
        return Log(tuple(episodes))

    @property
    def first_returns(self) -> Tensor:
        """[B]: undiscounted return of each path's first episode, up to T steps of it."""
        return torch.where(self.in_first_episode, self.reward, 0.0).sum(0)
