# SPDX-License-Identifier: Apache-2.0
"""What a world of pixels foretold beside what was seen, and how well surprise at that finds defects of the picture."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from plasma_trainer.audit.grading import Figure, auroc, with_interval
from plasma_trainer.data import Log, derive
from plasma_trainer.envs import spoil
from plasma_trainer.world_models import ErrorPredictor, World
from plasma_trainer.world_models.error_map import (
    FRAME_NEAR,
    PIXEL_NEAR,
    ErrorMaps,
    error_map,
    near,
    pair,
    unpair,
)

LEAST_VISIBLE = 16  # pixels of a defect, or a frame does not count as one with it


@torch.no_grad()
def foretell(world: World, log: Log, seed: int, predictor: ErrorPredictor | None = None) -> Log:
    """Pairs of what `world` foretold a step ahead, as coldly as it can, and what was seen.

    With a fitted `predictor`, a frame that surprises it is not believed: the state goes on as imagined (the validation
    gate of tracking, Bar-Shalom & Fortmann, 1988). The first picture of an episode is what the world makes of its first
    frame: nothing was foretold.
    """
    generator = torch.Generator().manual_seed(seed)
    batch, warmth = log.whole(), world.temperature.clone()
    world.temperature.zero_()
    state = world.start(batch.obs[:, 0])
    pairs = [pair(world.decode(state), batch.obs[:, 0])]
    for t in range(batch.action.shape[1]):
        action, frame = batch.action[:, t], batch.obs[:, t + 1]
        imagined = world.imagine(state, action, generator).state
        picture, state = world.decode(imagined), world.observe(state, action, frame)
        if predictor is not None:
            doubt = predictor.doubt(picture, action, frame)
            state = torch.where(doubt[:, None], imagined, state)
        pairs.append(pair(picture, frame))
    world.temperature.copy_(warmth)
    rows = zip(log.episodes, torch.stack(pairs, 1).numpy(), strict=True)
    return Log(tuple(replace(episode, obs=row[: len(episode) + 1]) for episode, row in rows))


@dataclass(frozen=True)
class Foretold:
    """Of the N steps of a log of pairs: pictures, frames [N, C, H, W] uint8; plain error [N, H, W]; maps."""

    pictures: Tensor
    frames: Tensor
    error: Tensor
    maps: ErrorMaps

    @classmethod
    def of(cls, pairs: Log, predictor: ErrorPredictor) -> Foretold:
        columns = pairs.pieces().transitions()
        pictures, frames = unpair(columns["next_obs"])
        maps = predictor.maps(pictures, columns["action"], frames)
        return cls(pictures, frames, error_map(pictures, frames), maps)


@dataclass(frozen=True)
class Spoilt:
    """A log as a camera with a defect shows it, and where that can be seen, [N, H, W] bool."""

    seen: Foretold
    where: Tensor

    @property
    def told(self) -> Tensor:
        """[N] bool: frames with enough of the defect to count."""
        return self.where.flatten(1).sum(1) >= LEAST_VISIBLE


def look_through(
    world: World, predictor: ErrorPredictor, log: Log, defect: str, behind: np.ndarray, seed: int
) -> Spoilt:
    """`log`, had its camera had `defect` in every episode. The world sees nothing else."""
    episodes, masks = [], []
    for index, episode in enumerate(log.episodes):
        frames, where = spoil(episode.obs, defect, behind, derive(seed, defect, index))
        episodes.append(replace(episode, obs=frames))
        masks.append(torch.from_numpy(where[1:]))
    pairs = foretell(world, Log(tuple(episodes)), seed, predictor)
    return Spoilt(Foretold.of(pairs, predictor), torch.cat(masks))


@dataclass(frozen=True)
class Found:
    """How well a defect is found, on frames that nothing was fitted to; intervals are over episodes.

    auroc: of a frame's greatest surprise, frames with the defect against clean ones. iou: of the pixels above the alarm
    and those where the defect can be seen, all such frames together. `plain`: the same of the plain error map, smoothed
    alike, with an alarm of its own. It gains from the predictor nevertheless, which says what the world believes.
    """

    frames: int
    auroc: Figure
    iou: Figure
    plain_auroc: Figure
    plain_iou: Figure


def find(
    spoilt: Spoilt, clean: Foretold, predictor: ErrorPredictor, plain_alarm: float, owner: Tensor
) -> Found:
    """`clean` are the same steps before, owner [N] the episode of each. `plain_alarm`: as predictor.pixel_alarm."""
    told, seen = spoilt.told, spoilt.seen
    return Found(
        int(told.sum()),
        _auroc(clean.maps.peak, seen.maps.peak, told, owner),
        _iou(seen.maps.surprise > predictor.pixel_alarm, spoilt, owner),
        _auroc(_plain_peak(clean), _plain_peak(seen), told, owner),
        _iou(near(seen.error, PIXEL_NEAR) > plain_alarm, spoilt, owner),
    )


def _plain_peak(foretold: Foretold) -> Tensor:
    return near(foretold.error, FRAME_NEAR).flatten(1).amax(1)


def _auroc(clean: Tensor, seen: Tensor, told: Tensor, owner: Tensor) -> Figure:
    peaks = torch.cat([clean, seen[told]])
    labels = torch.cat([torch.zeros_like(told), told[told]])
    owners = torch.cat([owner, owner[told]])
    return with_interval(auroc, owners.numpy(), peaks.numpy(), labels.numpy())


def _iou(hit: Tensor, spoilt: Spoilt, owner: Tensor) -> Figure:
    told = spoilt.told
    hit, where = hit[told], spoilt.where[told]
    both, either = (x.flatten(1).sum(1).numpy() for x in (hit & where, hit | where))
    return with_interval(lambda a, b: float(a.sum() / b.sum()), owner[told].numpy(), both, either)
