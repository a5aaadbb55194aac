# SPDX-License-Identifier: Apache-2.0
"""V: a variational autoencoder, frames to a few numbers and back (Kingma & Welling, 2014; Ha & Schmidhuber, 2018).

A single frame has no velocities, so a VAE alone is no world: put a world with a memory behind it (latent_world.py).

Shapes: B batch, Z latent_dim, frames [B, C, H, W] uint8.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from plasma_trainer.data import Sequences
from plasma_trainer.world_models.images import PART, FrameNorm, ImageDecoder, ImageEncoder
from plasma_trainer.world_models.world import Loss

MIN_ERROR = 1e-3  # share of the frames' variance: finer is not worth any latent


class Vae(nn.Module):
    """p(frame | z) with one noise level for all pixels, the best one (σ-VAE, Rybkin et al., 2021): `beta` 1 is a choice
    that does not depend on the size of the frame."""

    def __init__(
        self,
        input_channels: int = 3,
        height: int = 64,
        width: int = 64,
        latent_dim: int = 16,
        hidden_channels: int = 8,
        beta: float = 1.0,
    ) -> None:
        super().__init__()
        self.frame_shape = (input_channels, height, width)
        self.latent_dim, self.beta = latent_dim, beta
        self.norm = FrameNorm(self.frame_shape)
        self.encoder = ImageEncoder(self.frame_shape, hidden_channels)
        self.to_latent = nn.Linear(self.encoder.out_size, 2 * latent_dim)
        self.decoder = ImageDecoder(latent_dim, self.frame_shape, hidden_channels)

    @torch.no_grad()
    def get_latent(self, frames: Tensor) -> Tensor:
        """[B, C, H, W] -> [B, Z]: the mean of q(z | frame)."""
        return torch.cat([self._posterior(part)[0] for part in frames.split(PART)])

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """[B, Z] -> [B, C, H, W] float32 in [0, 255]: the picture that a latent stands for."""
        return torch.cat([self.norm.frames(self.decoder(part)) for part in latent.split(PART)])

    def adopt(self, data: Sequences) -> None:
        """Take the mean frame and the scale of differences from it from real experience, before fitting."""
        self.norm.fit(data.obs[:, 1:][data.real])

    def reconstruct(self, frames: Tensor) -> Tensor:
        """Frames as they come back, uint8: what the world behind this eye can know of them."""
        return self.decode(self.get_latent(frames)).round().to(torch.uint8)

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Negative evidence lower bound per frame, in whatever order; padding is left out."""
        frames = torch.cat([batch.obs[:, 0], batch.obs[:, 1:][batch.real]])
        mean, log_var = self._posterior(frames)
        noise = torch.randn(mean.shape, generator=generator, device=mean.device)
        decoded = self.decoder(mean + noise * torch.exp(0.5 * log_var))
        error = (decoded.float() - self.norm(frames)).square().mean()
        kl = 0.5 * (mean.square() + log_var.exp() - 1.0 - log_var).sum(-1).mean()
        loss = 0.5 * math.prod(self.frame_shape) * torch.log(error + MIN_ERROR) + self.beta * kl
        return loss, {"unexplained": error.detach(), "kl": kl.detach()}

    def _posterior(self, frames: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of q(z | frame), [B, Z] each."""
        mean, log_var = self.to_latent(self.encoder(self.norm(frames))).float().chunk(2, -1)
        return mean, log_var.clamp(-10.0, 2.0)
