# SPDX-License-Identifier: Apache-2.0
"""A policy that explores, and the critic that judges it. Neither the noise nor the critic leaves the workstation."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from plasma_trainer.nets import Normalizer, mlp

INITIAL_STD = 0.6  # of an exploring action, as a share of half the action range
MINIMAL_STD = 0.05


class ActorCritic(nn.Module):
    """Adds exploration noise and a value head to `policy` (obs -> logits, or mean action).

    `policy` may be an MlpPolicy or the same wrapped in adapters: both are trained through this one door.
    """

    def __init__(self, policy: nn.Module, obs_size: int, action_scale: Tensor | None) -> None:
        """`action_scale` [A] is half the action range; None means that the actions are discrete."""
        super().__init__()
        self.policy, self.discrete = policy, action_scale is None
        self.obs_norm = Normalizer(obs_size, clip=10.0)
        self.register_buffer("return_scale", torch.tensor(1.0))
        self.critic = mlp((obs_size, 64, 64, 1), nn.Tanh, output_gain=1.0)
        self.register_buffer("temperature", torch.tensor(1.0))
        if action_scale is not None:
            self.register_buffer("action_scale", action_scale.clone())
            self.log_std = nn.Parameter(torch.full_like(action_scale, math.log(INITIAL_STD)))

    def calm(self, obs: Tensor) -> None:
        """Make a discrete policy that is sure of itself on obs [N, O] explore again, without changing what it prefers.

        An adapter starts from a policy that is confidently wrong. Its logits leave nothing to explore, and the
        smallest step of training moves them by more than PPO allows; divided by a temperature, they do neither.
        """
        if self.discrete:
            with torch.no_grad():
                logits = self.policy(obs)
            self.temperature.copy_((logits - logits.mean(-1, keepdim=True)).std().clamp_min(1.0))

    def value(self, obs: Tensor) -> Tensor:
        """[..., O] -> [...]: the discounted return to expect, in units of `return_scale`."""
        return self.critic(self.obs_norm(obs)).squeeze(-1)

    @torch.no_grad()
    def sample(self, obs: Tensor, generator: torch.Generator) -> Tensor:
        """Exploring actions, [B] int64 or [B, A] float32. The latter may lie outside the limits; worlds clamp them."""
        out = self.policy(obs)
        if self.discrete:
            return torch.multinomial(
                (out / self.temperature).softmax(-1), 1, generator=generator
            ).squeeze(-1)
        return out + self._std() * torch.randn(out.shape, generator=generator)

    def log_prob(self, obs: Tensor, action: Tensor) -> Tensor:
        """Of actions [B] or [B, A] under the current policy, [B]."""
        out = self.policy(obs)
        if self.discrete:
            log_p = (out / self.temperature).log_softmax(-1)
            return log_p.gather(-1, action[:, None]).squeeze(-1)
        std = self._std()
        log_p = -0.5 * ((action - out) / std).square() - std.log() - 0.5 * math.log(2 * math.pi)
        return log_p.sum(-1)

    def _std(self) -> Tensor:
        """[A], in units of the action."""
        return self.log_std.exp().clamp_min(MINIMAL_STD) * self.action_scale
