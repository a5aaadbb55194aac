# SPDX-License-Identifier: Apache-2.0
"""Frames to a few tokens and back: an autoencoder that rounds (FSQ, Mentzer et al., 2023).

A frame becomes a grid of GRID x GRID places with CODES small integers each, all one token: a word of LEVELS ** CODES.
Finite scalar quantisation needs no codebook, so none can collapse, and no loss but the reconstruction's: a number is
squashed into the range of its levels and rounded, and gradients pass the rounding as if it were not there.

Shapes: N frames, Z = GRID * GRID * CODES latents, place by place; frames [N, C, H, W] uint8.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models.images import PART, FrameNorm
from plasma_trainer.world_models.world import Loss

GRID = 4  # places a side: 16 tokens a frame, as IRIS has (Micheli et al., 2023)
CODES, LEVELS = 3, 5  # 125 words; an odd number of levels has a middle, 0


class Tokenizer(nn.Module):
    """`get_latent` gives whole numbers from -(LEVELS // 2) to LEVELS // 2, as float32."""

    def __init__(self, frame_shape: tuple[int, ...], hidden_channels: int = 16) -> None:
        super().__init__()
        self.frame_shape, self.latent_dim = frame_shape, GRID * GRID * CODES
        self.norm = FrameNorm(frame_shape)
        widths = _widths(frame_shape, hidden_channels)
        down: list[nn.Module] = []
        for inputs, outputs in zip((frame_shape[0], *widths), widths, strict=False):
            down += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.SiLU()]
        self.encoder = nn.Sequential(*down, nn.Conv2d(widths[-1], CODES, 3, padding=1))
        up: list[nn.Module] = [nn.Conv2d(CODES, widths[-1], 3, padding=1), nn.SiLU()]
        for inputs, outputs in zip(widths[::-1], (*widths[-2::-1], frame_shape[0]), strict=True):
            up += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.SiLU()]
        self.decoder = nn.Sequential(*up[:-1])

    @torch.no_grad()
    def get_latent(self, frames: Tensor) -> Tensor:
        """[N, C, H, W] -> [N, Z]."""
        return torch.cat([self._codes(part).flatten(1) for part in frames.split(PART)])

    @torch.no_grad()
    def decode(self, latent: Tensor) -> Tensor:
        """[N, Z] -> [N, C, H, W] float32 in [0, 255]."""
        return torch.cat([self.norm.frames(self._picture(part)) for part in latent.split(PART)])

    def adopt(self, data: Sequences) -> None:
        """Take the mean frame and the scale of differences from it from real experience, before fitting."""
        self.norm.fit(data.obs[:, 1:][data.real])

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Share of the frames' variance that is lost, in whatever order; padding is left out."""
        frames = torch.cat([batch.obs[:, 0], batch.obs[:, 1:][batch.real]])
        error = (self._picture(self._codes(frames)).float() - self.norm(frames)).square().mean()
        return error, {"unexplained": error.detach()}

    def _codes(self, frames: Tensor) -> Tensor:
        """[N, C, H, W] -> whole numbers [N, GRID * GRID, CODES] (FSQ, eq. 1 and 2)."""
        free = self.encoder(self.norm(frames)).float().flatten(2).transpose(1, 2)
        bounded = LEVELS // 2 * torch.tanh(free)
        return bounded + (bounded.round() - bounded).detach()

    def _picture(self, codes: Tensor) -> Tensor:
        """Latents, place by place in whatever shape -> normalised frames [N, C, H, W]."""
        grid = codes.reshape(-1, GRID, GRID, CODES).permute(0, 3, 1, 2)
        return self.decoder(grid / (LEVELS // 2))


def _widths(shape: tuple[int, ...], hidden_channels: int) -> tuple[int, ...]:
    """Channels after each halving, as many halvings as lead to GRID places a side."""
    sides = set(shape[1:])
    side = sides.pop()
    halvings = (side // GRID).bit_length() - 1
    if len(shape) != 3 or sides or side != GRID << halvings or halvings < 1:
        raise UsageError(
            f"frames of shape {shape}; expected [channels, height, width] with equal height and width, {GRID} times a "
            "power of two; resize them, e.g. to 64×64"
        )
    return tuple(hidden_channels << min(i, 2) for i in range(halvings))
