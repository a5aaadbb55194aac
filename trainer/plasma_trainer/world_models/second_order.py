# SPDX-License-Identifier: Apache-2.0
"""Positions in, positions and velocities inside: an ensemble for observations that are one difference short of a state.

What a camera sees of a mechanism is where it is; how fast it moves is how far it came since the last frame (Mnih et
al., 2015, stack frames for that). A state is (z, z - z before), and of those two an ensemble is a world as of any other
full observation. At a reset nothing has moved yet.

Shapes: B batch, T steps, Z observation, S = 2 Z.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from plasma_trainer.data import Sequences
from plasma_trainer.world_models.ensemble import Ensemble
from plasma_trainer.world_models.world import Imagined, Loss, World


class SecondOrder(World):
    """An Ensemble of (z, change of z) behind observations z."""

    def __init__(self, obs_size: int, action_size: int, discrete: bool) -> None:
        super().__init__((obs_size,), action_size, discrete)
        self.obs_size = obs_size
        self.ensemble = Ensemble(2 * obs_size, action_size, discrete)
        self.state_size = self.feature_size = 2 * obs_size

    def start(self, obs: Tensor) -> Tensor:
        return torch.cat([obs, torch.zeros_like(obs)], -1)

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        return torch.cat([obs, obs - self.decode(state)], -1)

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        self.ensemble.temperature.copy_(self.temperature)
        return self.ensemble.imagine(state, action, generator)

    def features(self, state: Tensor) -> Tensor:
        return state

    def decode(self, state: Tensor) -> Tensor:
        return state[:, : self.obs_size]

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        self.check(batch)
        return self.ensemble.loss(self._moving(batch), generator)

    def adopt(self, data: Sequences) -> None:
        self.check(data)
        self.ensemble.adopt(self._moving(data))

    def calibrate(self, held_out: Sequences) -> None:
        self.ensemble.calibrate(self._moving(held_out))

    def _moving(self, batch: Sequences) -> Sequences:
        """The same stretches with states for observations. Their first steps are left out: how far anything had come
        by then is not in them."""
        change = torch.diff(batch.obs, dim=1, prepend=batch.obs[:, :1])
        real = batch.real.clone()
        real[:, 0] = False
        return replace(batch, obs=torch.cat([batch.obs, change], -1), real=real)
