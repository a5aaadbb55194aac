# SPDX-License-Identifier: Apache-2.0
"""Frames to vectors and back: four convolutions that halve, four that double (Ha & Schmidhuber, 2018).

Both sides see the difference from the mean frame, in standard deviations. Most of a frame never changes; left in, it is
most of the signal at first, and a decoder that has learnt it from its bias has learnt to ignore its input.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plasma_trainer.errors import UsageError

HALVINGS = 4
PART = 256  # frames turned to floats at once, to bound memory


class FrameNorm(nn.Module):
    """uint8 frames [N, C, H, W] -> differences from the mean frame, in standard deviations of all pixels; and back."""

    mean: Tensor  # [C, H, W]
    std: Tensor

    def __init__(self, shape: tuple[int, ...]) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full(shape, 127.5))
        self.register_buffer("std", torch.tensor(127.5))

    def forward(self, frames: Tensor) -> Tensor:
        return (frames.float() - self.mean) / self.std

    def frames(self, x: Tensor) -> Tensor:
        """The inverse, as float32 within [0, 255]."""
        return (x * self.std + self.mean).clamp(0, 255)

    def fit(self, frames: Tensor) -> None:
        """Adopt the statistics of frames [N, C, H, W]; a part of them at a time, because they are bytes and many."""
        parts = frames.split(PART)
        self.mean.copy_(sum(part.float().sum(0) for part in parts) / len(frames))
        square = sum((part.float() - self.mean).square().mean((1, 2, 3)).sum() for part in parts)
        self.std.copy_((square / len(frames)).sqrt().clamp_min(1.0))


class ImageEncoder(nn.Module):
    """Normalised frames [N, C, H, W] -> vectors [N, out_size]."""

    def __init__(self, shape: tuple[int, ...], hidden_channels: int) -> None:
        super().__init__()
        widths = (shape[0], *_widths(shape, hidden_channels))
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.SiLU()]
        self.net = nn.Sequential(*layers, nn.Flatten())
        self.out_size = widths[-1] * (shape[1] >> HALVINGS) * (shape[2] >> HALVINGS)

    def forward(self, frames: Tensor) -> Tensor:
        return self.net(frames)


class ImageDecoder(nn.Module):
    """Vectors [N, in_size] -> normalised frames [N, C, H, W]."""

    def __init__(self, in_size: int, shape: tuple[int, ...], hidden_channels: int) -> None:
        super().__init__()
        widths = (*reversed(_widths(shape, hidden_channels)), shape[0])
        small = (widths[0], shape[1] >> HALVINGS, shape[2] >> HALVINGS)
        layers: list[nn.Module] = [nn.Linear(in_size, small[0] * small[1] * small[2]), nn.SiLU()]
        layers += [nn.Unflatten(1, small)]
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.ConvTranspose2d(inputs, outputs, 4, stride=2, padding=1), nn.SiLU()]
        self.net = nn.Sequential(*layers[:-1])

    def forward(self, x: Tensor) -> Tensor:
        return self.net(x)


def _widths(shape: tuple[int, ...], hidden_channels: int) -> tuple[int, ...]:
    step = 1 << HALVINGS
    if len(shape) != 3 or shape[1] % step or shape[2] % step:
        raise UsageError(
            f"frames of shape {shape}; expected [channels, height, width] with height and width divisible by {step}; "
            "resize them, e.g. to 64×64"
        )
    return tuple(hidden_channels << min(i, 2) for i in range(HALVINGS))
