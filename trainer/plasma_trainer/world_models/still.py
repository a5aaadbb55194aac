# SPDX-License-Identifier: Apache-2.0
"""The world in which nothing happens: what every other must be better than."""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.data import Sequences
from plasma_trainer.world_models.world import Imagined, Loss, World


class Still(World):
    """Observations stay as they are, rewards are the mean reward, nothing ends. A state is an observation, flat."""

    def __init__(self, obs_shape: tuple[int, ...], action_size: int, discrete: bool) -> None:
        super().__init__(obs_shape, action_size, discrete)
        self.state_size = self.feature_size = int(torch.Size(obs_shape).numel())
        self.register_buffer("mean_reward", torch.tensor(0.0))

    def start(self, obs: Tensor) -> Tensor:
        return obs.flatten(1).float()

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        return self.start(obs)

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        nothing = torch.zeros_like(state[:, 0])
        reward = self.mean_reward.expand(len(state))
        return Imagined(state, reward, nothing - 1.0, nothing, nothing > 0)

    def features(self, state: Tensor) -> Tensor:
        return state

    def decode(self, state: Tensor) -> Tensor:
        return state.unflatten(1, self.obs_shape)

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        raise NotImplementedError("a still world has nothing to learn; `adopt` is all")

    def adopt(self, data: Sequences) -> None:
        self.check(data)
        self.mean_reward.copy_(data.reward[data.real].mean())

    def calibrate(self, held_out: Sequences) -> None:
        """Nothing happens, and it is sure of it."""
