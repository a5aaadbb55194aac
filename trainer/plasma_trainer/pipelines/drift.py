# SPDX-License-Identifier: Apache-2.0
"""How far long imaginations of frames drift, what they promise there, and how fast they come.

After a while no world can know which frame is next, but it can know what frames look like. Drift is the distance of an
imagined frame from the nearest real one: blur and nonsense have it, a wrong but possible frame has not.

Shapes: N paths, frames [N, C, H, W].
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.data import Log, Sequences
from plasma_trainer.pipelines.open_loop import CONTEXT, Scales
from plasma_trainer.world_models import World

HORIZONS = (50, 200)
PATHS = 24
TIMED_STEPS = 10


@dataclass(frozen=True)
class Drift:
    """Figures of one world.

    drift, by horizon: root mean square distance from the nearest real frame, in standard deviations of all pixels.
    reward_bias: imagined less real reward of a step, mean over the longest horizon, in standard deviations of a
    reward. Both None where no held-out episode is long enough.
    """

    drift: dict[int, float | None]
    reward_bias: float | None


@torch.no_grad()
def measure_drift(world: World, train: Log, held_out: Log, scales: Scales, seed: int) -> Drift:
    """Imagine on from places in held-out episodes, under the actions that were really taken there."""
    device, longest = scales.obs.device, max(HORIZONS)
    batch = held_out.whole().to(device)
    episode, t = _places(batch, longest)
    if not len(t):
        return Drift(dict.fromkeys(HORIZONS), None)
    state = world.filter(batch)[episode, t]
    generator = torch.Generator(device).manual_seed(seed)
    drift: dict[int, float | None] = {}
    excess = torch.zeros(len(t), device=device)
    for step in range(longest):
        imagined = world.imagine(state, batch.action[episode, t + step], generator)
        state = imagined.state
        excess += imagined.reward - batch.reward[episode, t + step]
        if step + 1 in HORIZONS:
            drift[step + 1] = distance(world.decode(state), train, scales)
    varied = scales.reward > 1e-6
    return Drift(drift, float(excess.mean()) / longest / scales.reward if varied else None)


def distance(frames: Tensor, train: Log, scales: Scales) -> float:
    """Root mean square of how far frames are from the nearest of `train`, in standard deviations of all pixels."""
    flat = frames.float().flatten(1)
    nearest = flat.new_full((len(flat),), torch.inf)
    for episode in train.episodes:
        known = torch.from_numpy(episode.obs).to(frames.device).float().flatten(1)
        away = torch.cdist(flat, known, compute_mode="donot_use_mm_for_euclid_dist")
        nearest = torch.minimum(nearest, away.amin(1))  # exact: the same frame is at 0
    return float(nearest.square().mean().div(flat.shape[1]).sqrt() / scales.obs)


@torch.no_grad()
def frames_per_second(world: World, held_out: Log) -> float:
    """Frames imagined and decoded in a second of CPU time, PATHS at a time."""
    batch = Log(held_out.episodes[:1]).whole().to(world.temperature.device)
    state = world.start(batch.obs[:, 0]).expand(PATHS, -1)
    action = batch.action[:, 0].expand(PATHS, *batch.action.shape[2:])
    generator = torch.Generator(state.device).manual_seed(0)
    begin = time.process_time()
    for _ in range(TIMED_STEPS):
        state = world.imagine(state, action, generator).state
        world.decode(state)
    return PATHS * TIMED_STEPS / max(time.process_time() - begin, 1e-9)


def _places(batch: Sequences, ahead: int) -> tuple[Tensor, Tensor]:
    """Episode and step of PATHS places or fewer, with CONTEXT real steps behind them and `ahead` to come."""
    lengths = batch.real.sum(1)
    step = torch.arange(batch.real.shape[1], device=lengths.device)
    episode, t = ((step >= CONTEXT) & (step + ahead <= lengths[:, None])).nonzero(as_tuple=True)
    stride = -(-len(t) // PATHS) or 1
    return episode[::stride], t[::stride]
