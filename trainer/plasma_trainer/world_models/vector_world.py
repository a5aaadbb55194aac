# SPDX-License-Identifier: Apache-2.0
"""What worlds of observation vectors have in common: the scales and the ranges of their data.

Changes are learnt in standard deviations of a real change. What is imagined stays near the range of what was seen:
predictions of a network far from its data are arbitrary, and a policy would find the good ones among them.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.data import Sequences
from plasma_trainer.nets import Normalizer
from plasma_trainer.world_models.world import World

RANGE_MARGIN = 0.25  # imagined observations may leave the data's range by this share of it
INPUT_CLIP = 10.0  # standard deviations


class VectorWorld(World):
    """A world of observations [B, O] with the statistics of real transitions in its buffers."""

    def __init__(self, obs_size: int, action_size: int, discrete: bool) -> None:
        super().__init__((obs_size,), action_size, discrete)
        self.obs_size = obs_size
        self.obs_norm = Normalizer(obs_size, INPUT_CLIP)
        self.action_norm = Normalizer(action_size, INPUT_CLIP)
        for name, size in {"obs": obs_size, "action": action_size, "reward": 1}.items():
            self.register_buffer(f"{name}_low", torch.full((size,), -torch.inf))
            self.register_buffer(f"{name}_high", torch.full((size,), torch.inf))
        for name, size in {"delta": obs_size, "reward": 1}.items():
            self.register_buffer(f"{name}_mean", torch.zeros(size))
            self.register_buffer(f"{name}_std", torch.ones(size))

    def adopt(self, data: Sequences) -> None:
        self.check(data)
        self.fit_ranges(data.transitions())

    def fit_ranges(self, batch: dict[str, Tensor]) -> None:
        """Take means, deviations and ranges from real transitions (columns [N, ...], see Transitions)."""
        obs, next_obs, reward = batch["obs"], batch["next_obs"], batch["reward"]
        action, delta = self.encode_action(batch["action"]), next_obs - obs
        self.obs_norm.fit(obs.mean(0), obs.std(0))
        self.action_norm.fit(action.mean(0), action.std(0))
        self.delta_mean.copy_(delta.mean(0))
        self.delta_std.copy_(delta.std(0).clamp_min(1e-6))
        self.reward_mean.copy_(reward.mean())
        self.reward_std.copy_(reward.std().clamp_min(1e-3))
        seen = torch.cat([obs, next_obs])
        margin = RANGE_MARGIN * (seen.amax(0) - seen.amin(0))
        self.obs_low.copy_(seen.amin(0) - margin)
        self.obs_high.copy_(seen.amax(0) + margin)
        for name, column in {"action": action, "reward": reward[:, None]}.items():
            getattr(self, f"{name}_low").copy_(column.amin(0))
            getattr(self, f"{name}_high").copy_(column.amax(0))

    def normal_change(self, obs: Tensor, next_obs: Tensor) -> Tensor:
        """[..., O] each -> the change in standard deviations of a real one."""
        return (next_obs - obs - self.delta_mean) / self.delta_std

    def after(self, obs: Tensor, change: Tensor) -> tuple[Tensor, Tensor]:
        """Where a normalised change leads from obs [B, O], within range; [B] bool: the range had to hold it back."""
        free = obs + change * self.delta_std + self.delta_mean
        held = free.clamp(self.obs_low, self.obs_high)
        return held, (free != held).any(-1)

    def normal_reward(self, reward: Tensor) -> Tensor:
        """Rewards in standard deviations of a real one."""
        return (reward - self.reward_mean) / self.reward_std

    def real_reward(self, reward: Tensor) -> Tensor:
        """The inverse, never better or worse than any that was earned."""
        reward = reward * self.reward_std + self.reward_mean
        return reward.clamp(self.reward_low, self.reward_high)
