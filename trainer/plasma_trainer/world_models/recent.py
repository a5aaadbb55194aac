# SPDX-License-Identifier: Apache-2.0
"""Worlds that remember by keeping: a state is the last few observations, and what was done between them.

No recurrence that could go wrong in a long imagination, and nothing to carry but what was seen (DIAMOND, Alonso et al.,
2024, keeps four frames; a transformer's context is the same thing). What lies before the first observation of an
episode is taken to have looked like it, and to have been left alone.

Shapes: B batch, T steps, N kept observations, O observation (flat), A action; a state is [N * O | (N - 1) * A].
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from plasma_trainer.data import Sequences
from plasma_trainer.nets import Normalizer
from plasma_trainer.world_models.world import World

INPUT_CLIP = 10.0  # standard deviations


class RecentWorld(World):
    """A world whose state is the last `kept` observations as float32, oldest first, and the actions between them."""

    def __init__(
        self, obs_shape: tuple[int, ...], action_size: int, discrete: bool, kept: int
    ) -> None:
        super().__init__(obs_shape, action_size, discrete)
        self.kept, self.obs_size = kept, math.prod(obs_shape)
        self.state_size = kept * self.obs_size + (kept - 1) * action_size
        self.action_norm = Normalizer(action_size, INPUT_CLIP)
        for name, size in {"action": action_size, "reward": 1}.items():
            self.register_buffer(f"{name}_low", torch.full((size,), -torch.inf))
            self.register_buffer(f"{name}_high", torch.full((size,), torch.inf))
        self.register_buffer("reward_mean", torch.tensor(0.0))
        self.register_buffer("reward_std", torch.tensor(1.0))

    def start(self, obs: Tensor) -> Tensor:
        alone = self.action_norm.mean.expand(len(obs), self.kept - 1, -1)
        seen = obs.float().flatten(1).repeat(1, self.kept)
        return torch.cat([seen, alone.flatten(1)], -1)

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        seen, done = self.recall(state, self.encode_action(action))
        return self.keep(seen, done, obs.float().flatten(1))

    def decode(self, state: Tensor) -> Tensor:
        newest = state[:, (self.kept - 1) * self.obs_size : self.kept * self.obs_size]
        return newest.unflatten(1, self.obs_shape)

    def recall(self, state: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """States [B, S], encoded actions [B, A] -> observations [B, N, O], and the action after each [B, N, A]."""
        seen, done = state.split(
            (self.kept * self.obs_size, self.state_size - self.kept * self.obs_size), -1
        )
        done = torch.cat([done, action], -1)
        return seen.unflatten(1, (self.kept, -1)), done.unflatten(1, (self.kept, -1))

    def keep(self, seen: Tensor, done: Tensor, obs: Tensor) -> Tensor:
        """What `recall` gave, and the observation [B, O] that followed -> states [B, S]; the oldest is forgotten."""
        return torch.cat([seen[:, 1:].flatten(1), obs, done[:, 1:].flatten(1)], -1)

    def windows(self, batch: Sequences) -> tuple[Tensor, Tensor, Tensor]:
        """For every step of real stretches: `recall` before it, and the observation after it.

        [B, T, N, O], [B, T, N, A], [B, T, O]; observations keep their type. Stretches begin as episodes do.
        """
        self.check(batch)
        obs, action = batch.obs.flatten(2), self.encode_action(batch.action)
        before = obs[:, :1].expand(-1, self.kept - 1, -1)
        alone = self.action_norm.mean.expand(len(obs), self.kept - 1, -1)
        seen = torch.cat([before, obs[:, :-1]], 1).unfold(1, self.kept, 1).transpose(2, 3)
        done = torch.cat([alone, action], 1).unfold(1, self.kept, 1).transpose(2, 3)
        return seen, done, obs[:, 1:]

    def adopt(self, data: Sequences) -> None:
        self.check(data)
        columns = data.transitions()
        action, reward = self.encode_action(columns["action"]), columns["reward"]
        self.action_norm.fit(action.mean(0), action.std(0))
        for name, column in {"action": action, "reward": reward[:, None]}.items():
            getattr(self, f"{name}_low").copy_(column.amin(0))
            getattr(self, f"{name}_high").copy_(column.amax(0))
        self.reward_mean.copy_(reward.mean())
        self.reward_std.copy_(reward.std().clamp_min(1e-3))

    def tried(self, action: Tensor) -> Tensor:
        """Environment actions -> features [B, A], within what was tried."""
        return self.encode_action(action).clamp(self.action_low, self.action_high)

    def normal_reward(self, reward: Tensor) -> Tensor:
        """Rewards in standard deviations of a real one."""
        return (reward - self.reward_mean) / self.reward_std

    def real_reward(self, reward: Tensor) -> Tensor:
        """The inverse, never better or worse than any that was earned."""
        reward = reward * self.reward_std + self.reward_mean
        return reward.clamp(self.reward_low, self.reward_high)
