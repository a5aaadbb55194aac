# SPDX-License-Identifier: Apache-2.0
"""A small U-Net that is told something (Ronneberger et al., 2015; adaptive group norm, Dhariwal & Nichol, 2021).

Frames are folded to half their size first, 2 x 2 pixels to one of four times the channels: every convolution has a
quarter of the places to visit.

Shapes: B batch, frames [B, C, H, W] with H and W divisible by 4, condition [B, K].
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

FOLD = 2
GROUPS = 4


class UNet(nn.Module):
    """[B, C, H, W], a context and [B, K] -> [B, C, H, W]; zero before the first update."""

    def __init__(self, channels: int, context_channels: int, condition: int, width: int) -> None:
        super().__init__()
        folded = FOLD * FOLD
        self.fold, self.unfold = nn.PixelUnshuffle(FOLD), nn.PixelShuffle(FOLD)
        self.enter = nn.Conv2d(channels * folded, width, 3, padding=1)
        self.recall = nn.Conv2d(context_channels * folded, width, 3, padding=1, bias=False)
        self.fine = _Residual(width, width, condition)
        self.down = nn.Conv2d(width, 2 * width, 3, stride=2, padding=1)
        self.coarse = nn.ModuleList(_Residual(2 * width, 2 * width, condition) for _ in range(2))
        self.up = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.join = _Residual(2 * width, width, condition)
        self.leave = _zero(nn.Conv2d(width, channels * folded, 3, padding=1))

    def context(self, frames: Tensor) -> Tensor:
        """[B, context_channels, H, W] -> what `forward` takes: the same for every step of a drawing, so made once."""
        return self.recall(self.fold(frames))

    def forward(self, x: Tensor, context: Tensor, condition: Tensor) -> Tensor:
        fine = self.fine(self.enter(self.fold(x)) + context, condition)
        coarse = self.down(fine)
        for block in self.coarse:
            coarse = block(coarse, condition)
        joined = self.join(torch.cat([fine, self.up(coarse)], 1), condition)
        return self.unfold(self.leave(joined))


class _Residual(nn.Module):
    """x + conv(conv(x)), whose normalisations are scaled and shifted by the condition."""

    def __init__(self, inputs: int, outputs: int, condition: int) -> None:
        super().__init__()
        self.norms = nn.ModuleList(
            nn.GroupNorm(GROUPS, size, affine=False) for size in (inputs, outputs)
        )
        self.tell = nn.ModuleList(nn.Linear(condition, 2 * size) for size in (inputs, outputs))
        self.convs = nn.ModuleList(
            [
                nn.Conv2d(inputs, outputs, 3, padding=1),
                _zero(nn.Conv2d(outputs, outputs, 3, padding=1)),
            ]
        )
        self.skip = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        h = x
        for norm, tell, conv in zip(self.norms, self.tell, self.convs, strict=True):
            scale, shift = tell(condition)[:, :, None, None].chunk(2, 1)
            h = conv(nn.functional.silu(norm(h) * (1 + scale) + shift))
        return self.skip(x) + h


def _zero(conv: nn.Conv2d) -> nn.Conv2d:
    """A layer that adds nothing yet."""
    nn.init.zeros_(conv.weight)
    assert conv.bias is not None
    nn.init.zeros_(conv.bias)
    return conv
