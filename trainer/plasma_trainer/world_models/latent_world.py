# SPDX-License-Identifier: Apache-2.0
"""V and M: a world of latents behind what sees them is a world of frames (Ha & Schmidhuber, 2018).

M imagines latents that V never gave, and goes on from them to worse ones. With a gate, every imagined latent is drawn
and looked at again: z' = z + g (look - z), look = V(draw(z)). Latents of real frames move by that as well, a little; as
much leaves the gate shut, and of a move beyond it just the excess is made: g = max(0, 1 - usual / |look - z|). So
imagination is held back where it leaves what V can see, and nowhere else.
"""

from __future__ import annotations

from dataclasses import replace

import torch
from torch import Tensor

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models.eye import Eye
from plasma_trainer.world_models.tokenizer import Tokenizer
from plasma_trainer.world_models.vae import Vae
from plasma_trainer.world_models.world import Imagined, Loss, World

USUAL_QUANTILE = 0.99  # of the moves of held-out real latents


class LatentWorld(World):
    """Translates frames [B, C, H, W] at the door; inside, `world` knows latents [B, Z] only.

    V, a Vae, an Eye or a Tokenizer, is fitted first and stays as it is: a latent must go on meaning what it meant.
    `steady` puts the gate in; it is shut until the world was calibrated.
    """

    def __init__(self, vae: Vae | Eye | Tokenizer, world: World, steady: bool = False) -> None:
        super().__init__(vae.frame_shape, world.action_size, world.discrete)
        if world.obs_shape != (vae.latent_dim,):
            raise UsageError(
                f"the world observes {world.obs_shape}, V gives {vae.latent_dim} numbers; make them equal"
            )
        self.vae, self.world, self.steady = vae, world, steady
        self.register_buffer("usual", torch.tensor(torch.inf))  # move of a real frame's latent
        self.state_size, self.feature_size = world.state_size, world.feature_size

    def start(self, obs: Tensor) -> Tensor:
        return self.world.start(self.vae.get_latent(obs))

    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        return self.world.observe(state, action, self.vae.get_latent(obs))

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        self.world.temperature.copy_(self.temperature)
        step = self.world.imagine(state, action, generator)
        if not self.steady:
            return step
        return step._replace(state=self._held_back(state, action, step.state))

    def features(self, state: Tensor) -> Tensor:
        return self.world.features(state)

    def decode(self, state: Tensor) -> Tensor:
        return self.vae.decode(self.world.decode(state))

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        return self.world.loss(self.encode(batch), generator)

    def adopt(self, data: Sequences) -> None:
        self.world.adopt(self.encode(data))

    def calibrate(self, held_out: Sequences) -> None:
        latents = self.encode(held_out)
        self.world.calibrate(latents)
        moves = self._look(latents.obs[:, 1:][held_out.real]).norm(dim=-1)
        self.usual.copy_(moves.quantile(USUAL_QUANTILE))

    def encode(self, batch: Sequences) -> Sequences:
        """The same stretches with latents for frames."""
        self.check(batch)
        latent = self.vae.get_latent(batch.obs.flatten(0, 1))
        return replace(batch, obs=latent.unflatten(0, batch.obs.shape[:2]))

    @torch.no_grad()
    def _held_back(self, before: Tensor, action: Tensor, after: Tensor) -> Tensor:
        """States [B, S] after an imagined step, back where V could have seen them."""
        latent = self.world.decode(after)
        move = self._look(latent)
        gate = 1 - self.usual / move.norm(dim=-1, keepdim=True).clamp_min(1e-9)
        held = self.world.observe(before, action, latent + gate * move)
        return torch.where(gate > 0, held, after)

    def _look(self, latent: Tensor) -> Tensor:
        """How latents [B, Z] move when they are drawn and seen again."""
        return self.vae.get_latent(self.vae.decode(latent)) - latent
