# SPDX-License-Identifier: Apache-2.0
"""What will I get wrong here? From a picture that a world foretells to the error to expect of every pixel.

A world of pixels draws softly, and always errs at edges. What it errs by is learnt, around a bias (heteroscedastic
regression, Nix & Weigend, 1994):

    frame - picture = bias + scale × noise        each pixel and channel; the noise has a mean absolute value of 1

Surprise is the observed error over the predicted one. What is always hard is then no surprise, and a soft rod that is
not there at all is one, although its plain error is no greater than that of a rod that is.

Shapes: N pictures [N, C, H, W] of 0 ... 255, maps [N, H, W]. Errors are shares of the range of a pixel.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models.images import PART, FrameNorm
from plasma_trainer.world_models.world import Loss

PATCH = 4  # pixels a side: the convolutions see patches, as many channels as pixels
HIDDEN = 64
RANGE = 255.0
LEAST = 1.0 / RANGE  # a grey level: no camera is surer of a pixel
PIXEL_NEAR, FRAME_NEAR = 3, 9  # pixels a side: an edge may be one off, and a defect is larger
PIXEL_ALARM = 0.999  # quantile of the surprise of pixels that nothing is wrong with ...
FRAME_ALARM = 0.99  # ... and of the greatest one of such frames


class ErrorPredictor(nn.Module):
    """Fitted to what a world foretold and what was seen, as stretches of both, see `pair`.

    It is told the action that led there, because pictures may show it, and has a bias for every place: cameras stay
    where they are.
    """

    calibration: Tensor
    pixel_alarm: Tensor
    frame_alarm: Tensor

    def __init__(self, frame_shape: tuple[int, ...], action_size: int, discrete: bool) -> None:
        super().__init__()
        if len(frame_shape) != 3 or frame_shape[1] % PATCH or frame_shape[2] % PATCH:
            raise UsageError(
                f"frames of shape {frame_shape}; expected [channels, height, width] with height and width divisible "
                f"by {PATCH}; resize them, e.g. to 64×64"
            )
        self.frame_shape, self.action_size, self.discrete = frame_shape, action_size, discrete
        patches, (height, width) = frame_shape[0] * PATCH * PATCH, frame_shape[1:]
        self.norm = FrameNorm(frame_shape)
        self.look = nn.Sequential(
            nn.PixelUnshuffle(PATCH), nn.Conv2d(patches, HIDDEN, 3, padding=1)
        )
        self.place = nn.Parameter(torch.zeros(HIDDEN, height // PATCH, width // PATCH))
        self.act = nn.Sequential(
            nn.Linear(action_size, HIDDEN), nn.SiLU(), nn.Linear(HIDDEN, HIDDEN)
        )
        self.judge = nn.Sequential(
            nn.SiLU(),
            nn.Conv2d(HIDDEN, HIDDEN, 3, padding=1),
            nn.SiLU(),
            nn.Conv2d(HIDDEN, 2 * patches, 3, padding=1),
            nn.PixelShuffle(PATCH),
        )
        self.register_buffer("typical", torch.tensor(1.0))  # error, over all pixels
        self.register_buffer("calibration", torch.tensor(1.0))  # of the scale
        for alarm in ("pixel_alarm", "frame_alarm"):  # more surprise is a defect
            self.register_buffer(alarm, torch.tensor(torch.inf))

    def forward(self, pictures: Tensor, action: Tensor) -> tuple[Tensor, Tensor]:
        """[N, C, H, W] and the actions [N] or [N, A] that led there -> bias and scale, [N, C, H, W] each."""
        if self.discrete:
            action = functional.one_hot(action, self.action_size).float()
        seen = self.look(self.norm(pictures)) + self.place + self.act(action)[:, :, None, None]
        bias, log_scale = self.judge(seen).chunk(2, 1)
        return bias, (self.calibration * self.typical * log_scale.exp()).clamp_min(LEAST)

    @torch.no_grad()
    def maps(self, pictures: Tensor, action: Tensor, frames: Tensor) -> ErrorMaps:
        """What to expect of the errors of pictures, and what they are. Frames [N, C, H, W]."""
        parts = zip(pictures.split(PART), action.split(PART), frames.split(PART), strict=True)
        predicted, observed = zip(*(self._maps(*part) for part in parts), strict=True)
        return ErrorMaps(torch.cat(predicted), torch.cat(observed))

    def doubt(self, pictures: Tensor, action: Tensor, frames: Tensor) -> Tensor:
        """[N] bool: frames [N, C, H, W] that surprise as clean ones hardly ever do."""
        return self.maps(pictures, action, frames).peak > self.frame_alarm

    def adopt(self, pairs: Sequences) -> None:
        """Take the scales of stretches of pairs [B, T + 1, 2 C, H, W], before fitting."""
        pictures, _, frames = self._parted(pairs)
        self.norm.fit(pictures)
        self.typical.copy_(error_map(pictures, frames).mean().clamp_min(LEAST))

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Of stretches of pairs [B, T + 1, 2 C, H, W]: the error that the bias leaves over, in typical ones, and the
        negative log-likelihood of that as noise of the scale. A scale does not excuse a bias, as one likelihood of both
        would let it (Seitzer et al., 2022)."""
        pictures, action, frames = self._parted(batch)
        bias, scale = self(pictures, action)
        left = (_error(pictures, frames) - bias).abs()
        nll = (scale.log() + left.detach() / scale).mean()
        metrics = {"left": left.detach().mean(), "nll": nll.detach()}
        return left.mean() / self.typical + nll, metrics

    @torch.no_grad()
    def calibrate(self, held_out: Sequences) -> None:
        """Learn, from pairs that were not fitted to, how far the scale is off, and how much surprise is usual."""
        pictures, action, frames = self._parted(held_out)
        self.calibration.fill_(1.0)
        raw = self.maps(pictures, action, frames)
        free = raw.predicted > 2 * LEAST  # elsewhere the floor is what is predicted
        if free.any():
            self.calibration.copy_(raw.observed[free].mean() / raw.predicted[free].mean())
        maps = self.maps(pictures, action, frames)
        self.pixel_alarm.copy_(quantile(maps.surprise, PIXEL_ALARM))
        self.frame_alarm.copy_(quantile(maps.peak, FRAME_ALARM))

    def _parted(self, pairs: Sequences) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures [N, C, H, W], actions and frames of the real steps."""
        pictures, frames = unpair(pairs.obs[:, 1:][pairs.real])
        return pictures, pairs.action[pairs.real], frames

    def _maps(self, pictures: Tensor, action: Tensor, frames: Tensor) -> tuple[Tensor, Tensor]:
        bias, scale = self(pictures, action)
        return scale.mean(1), (_error(pictures, frames) - bias).abs().mean(1)


@dataclass(frozen=True)
class ErrorMaps:
    """Of N frames, the bias taken off: the error to expect of each pixel, and the error there is, [N, H, W] each."""

    predicted: Tensor
    observed: Tensor

    @property
    def surprise(self) -> Tensor:
        """[N, H, W]: how many times the predicted error there is around a pixel."""
        return near(self.observed, PIXEL_NEAR) / near(self.predicted, PIXEL_NEAR)

    @property
    def peak(self) -> Tensor:
        """[N]: the greatest surprise of a frame, over larger neighbourhoods."""
        wide = near(self.observed, FRAME_NEAR) / near(self.predicted, FRAME_NEAR)
        return wide.flatten(1).amax(1)


def pair(pictures: Tensor, frames: Tensor) -> Tensor:
    """What was foretold and what was seen, [N, C, H, W] each -> [N, 2 C, H, W] uint8, as a log keeps them."""
    return torch.cat([pictures.round().to(torch.uint8), frames], 1)


def unpair(pairs: Tensor) -> tuple[Tensor, Tensor]:
    """The inverse of `pair`."""
    pictures, frames = pairs.chunk(2, 1)
    return pictures, frames


def error_map(pictures: Tensor, frames: Tensor) -> Tensor:
    """[N, C, H, W] each -> [N, H, W]: the mean absolute error of a pixel, over its channels."""
    parts = zip(pictures.split(PART), frames.split(PART), strict=True)
    return torch.cat([_error(*part).abs().mean(1) for part in parts])


def near(maps: Tensor, side: int) -> Tensor:
    """[N, H, W] -> the means of neighbourhoods, `side` pixels a side, an odd number."""
    return functional.avg_pool2d(maps[:, None], side, 1, side // 2)[:, 0]


def quantile(values: Tensor, share: float) -> Tensor:
    """torch.quantile of any number of values; its own takes sixteen million at most."""
    flat = values.flatten()
    return flat.kthvalue(max(1, round(share * len(flat)))).values


def _error(pictures: Tensor, frames: Tensor) -> Tensor:
    return (frames.float() - pictures.float()) / RANGE
