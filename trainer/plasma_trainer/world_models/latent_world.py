# SPDX-License-Identifier: Apache-2.0
"""V and M: a world of latents behind what sees them is a world of frames (Ha & Schmidhuber, 2018)."""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models.eye import Eye
from plasma_trainer.world_models.vae import Vae
from plasma_trainer.world_models.world import Imagined, Loss, World


class LatentWorld(World):
    """Translates frames [B, C, H, W] at the door; inside, `world` knows latents [B, Z] only.

    V, a Vae or an Eye, is fitted first and stays as it is: a latent must go on meaning what it meant.
    """

    def __init__(self, vae: Vae | Eye, world: World) -> None:
        super().__init__(vae.frame_shape, world.action_size, world.discrete)
        if world.obs_shape != (vae.latent_dim,):
            raise UsageError(
                f"the world observes {world.obs_shape}, V gives {vae.latent_dim} numbers; make them equal"
            )
        self.vae, self.world = vae, world
        self.state_size, self.feature_size = world.state_size, world.feature_size

    def start(self, obs: Tensor) -> Tensor:
        return self.world.start(self.vae.get_latent(obs))

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        return self.world.observe(state, action, self.vae.get_latent(obs))

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        self.world.temperature.copy_(self.temperature)
        return self.world.imagine(state, action, generator)

    def features(self, state: Tensor) -> Tensor:
        return self.world.features(state)

    def decode(self, state: Tensor) -> Tensor:
        return self.vae.decode(self.world.decode(state))

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        return self.world.loss(self.encode(batch), generator)

    def adopt(self, data: Sequences) -> None:
        self.world.adopt(self.encode(data))

    def calibrate(self, held_out: Sequences) -> None:
        self.world.calibrate(self.encode(held_out))

    def encode(self, batch: Sequences) -> Sequences:
        """The same stretches with latents for frames."""
        self.check(batch)
        latent = self.vae.get_latent(batch.obs.flatten(0, 1))
        return replace(batch, obs=latent.unflatten(0, batch.obs.shape[:2]))
