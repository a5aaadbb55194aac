# SPDX-License-Identifier: Apache-2.0
"""Frames to vectors and back: four convolutions that halve, four that double (Ha & Schmidhuber, 2018)."""

from __future__ import annotations

from torch import Tensor, nn

from plasma_trainer.errors import UsageError

HALVINGS = 4


class ImageEncoder(nn.Module):
    """uint8 frames [N, C, H, W] -> vectors [N, out_size]."""

    def __init__(self, shape: tuple[int, ...], hidden_channels: int) -> None:
        super().__init__()
        widths = (shape[0], *_widths(shape, hidden_channels))
        layers: list[nn.Module] = []
        for inputs, outputs in zip(widths[:-1], widths[1:], strict=True):
            layers += [nn.Conv2d(inputs, outputs, 4, stride=2, padding=1), nn.SiLU()]
        self.net = nn.Sequential(*layers, nn.Flatten())
        self.out_size = widths[-1] * (shape[1] >> HALVINGS) * (shape[2] >> HALVINGS)

    def forward(self, frames: Tensor) -> Tensor:
        return self.net(unit_range(frames))


class ImageDecoder(nn.Module):
    """Vectors [N, in_size] -> frames [N, C, H, W] in [0, 1], as far as they were learnt."""

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
        return self.net(x) + 0.5


def unit_range(frames: Tensor) -> Tensor:
    """uint8 or float frames in [0, 255] -> float32 in [0, 1]."""
    return frames.float() / 255.0


def _widths(shape: tuple[int, ...], hidden_channels: int) -> tuple[int, ...]:
    step = 1 << HALVINGS
    if len(shape) != 3 or shape[1] % step or shape[2] % step:
        raise UsageError(
            f"frames of shape {shape}; expected [channels, height, width] with height and width divisible by {step}; "
            "resize them, e.g. to 64×64"
        )
    return tuple(hidden_channels << min(i, 2) for i in range(HALVINGS))
