# SPDX-License-Identifier: Apache-2.0
"""The network that will fly: the one thing of the trainer that reaches a robot."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor, nn

from plasma_trainer.nets import Normalizer, mlp

HIDDEN = 256
OBS_CLIP = 10.0  # standard deviations


class MlpPolicy(nn.Module):
    """obs [..., O] -> logits [..., A] (discrete), or the mean action [..., A] within its limits (continuous).

    Normalise, clip, Linear-tanh-Linear-tanh-Linear: operations every edge runtime has, in an `nn.Sequential` called
    `net` whose Linear layers (net.0, net.2, net.4) an adapter can target by name.
    """

    def __init__(self, obs_size: int, action_space: spaces.Space[Any]) -> None:
        super().__init__()
        self.discrete = isinstance(action_space, spaces.Discrete)
        self.obs_norm = Normalizer(obs_size, OBS_CLIP)
        if isinstance(action_space, spaces.Discrete):
            self.action_size = int(action_space.n)
        else:
            assert isinstance(action_space, spaces.Box)
            self.action_size = int(action_space.shape[0])
            low, high = torch.from_numpy(action_space.low), torch.from_numpy(action_space.high)
            self.register_buffer("scale", (high - low) / 2)
            self.register_buffer("offset", (high + low) / 2)
        self.net = mlp((obs_size, HIDDEN, HIDDEN, self.action_size), nn.Tanh, output_gain=0.01)

    def forward(self, obs: Tensor) -> Tensor:
        out = self.net(self.obs_norm(obs))
        return out if self.discrete else torch.tanh(out) * self.scale + self.offset


def greedy_act(policy: nn.Module) -> Callable[[np.ndarray], Any]:
    """The deterministic act function of a policy as it is now, adapted or not: the likeliest action, or the mean one.

    An adapter is merged into a copy: that acts alike, and several times as fast.
    """
    if hasattr(policy, "merge_and_unload"):
        policy = copy.deepcopy(policy).merge_and_unload()

    @torch.inference_mode()
    def act(obs: np.ndarray) -> Any:
        return greedy(policy, torch.from_numpy(obs)).numpy()[()]

    return act


def greedy(policy: nn.Module, obs: Tensor) -> Tensor:
    """Observations [..., O] -> the actions [...] int64 or [..., A] that a robot would take."""
    out = policy(obs)
    return out.argmax(-1) if policy.discrete else out
