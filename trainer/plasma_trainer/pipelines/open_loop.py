# SPDX-License-Identifier: Apache-2.0
"""What a world is worth: shown the beginning of real episodes it never saw, and their actions, it says the rest.

All worlds are asked alike. From every start they imagine PATHS paths under the actions that were really taken; their
mean is the prediction, and their spread the claim of how sure it is. With 19 paths that claim needs no distribution: if
the real value is one more draw from the same one, it lies between the least and the greatest in 18 of 20 cases.

Shapes: N starts, K paths, O observation (flat).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.data import Log, Sequences
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models import World

CONTEXT = 8  # real steps that a world is shown before it must go on alone
HORIZONS = (1, 10, 50, 200)
PATHS = 19
SHORT = (
    10  # steps within which rewards and ends are compared; calibration is looked at after as many
)
MOST_STARTS = 128  # of vectors
MOST_PIXEL_STARTS = 8
DECODED_AT_ONCE = 512
TEMPERATURES = (0.25, 0.35, 0.5, 0.7, 1.0, 1.4, 2.0, 2.8, 4.0)


@dataclass(frozen=True)
class Judgement:
    """Figures of one world; None where the held-out episodes cannot tell (too short, no ends).

    error, by horizon: root mean square, in standard deviations of the observation; 1 is predicting the mean.
    psnr, by horizon: dB, of frames. reward_error: as error, of rewards within SHORT steps. end_auc: of 1, how well
    belief in an end tells the steps that were one. coverage: of the 90 % interval after SHORT steps, of observations
    (of rewards, for frames). calibration: mean distance of that for all intervals. uncertainty_rank: Spearman's ρ of
    the uncertainty and the error of one step.
    """

    error: dict[int, float | None]
    psnr: dict[int, float | None] | None
    reward_error: float | None
    end_auc: float | None
    coverage: float | None
    calibration: float | None
    uncertainty_rank: float | None


@dataclass(frozen=True)
class Scales:
    """Standard deviations in a log: of observations, [O] for vectors and one for all pixels, and of rewards."""

    obs: Tensor
    reward: float

    @classmethod
    def of(cls, log: Log) -> Scales:
        """Of a training log: held-out episodes do not choose their own yardstick."""
        columns = log.pieces().transitions()
        obs = columns["obs"].float()
        variance = obs.flatten(1).var(0)
        if obs.dim() == 4:
            variance = variance.mean()[None]
        return cls(variance.sqrt().clamp_min(1e-6), float(columns["reward"].std()))


@torch.no_grad()
def judge(world: World, held_out: Log, scales: Scales, seed: int) -> Judgement:
    """Figures of `world` on episodes that nothing was fitted to, nor chosen by."""
    return _imagine(world, held_out, scales, seed, max(HORIZONS)).judgement()


@torch.no_grad()
def calibrate(world: World, held_out: Log, scales: Scales, seed: int) -> None:
    """Learn from episodes that `world` was not fitted to whom to trust, and how wild to be.

    The temperature is the one whose intervals after SHORT steps hold what they promise. One step would not do: noise is
    drawn anew in each, but a model is wrong in the same way for many. Where intervals cannot be judged, it stays.
    """
    world.calibrate(held_out.whole().to(scales.obs.device))
    off = {}
    for temperature in TEMPERATURES:
        world.temperature.fill_(temperature)
        calibration = _imagine(world, held_out, scales, seed, SHORT).judgement().calibration
        if calibration is None:
            off = {1.0: 0.0}
            break
        off[temperature] = calibration
    best = min(off, key=lambda t: (off[t], abs(math.log(t))))
    world.temperature.fill_(best)


def _imagine(world: World, held_out: Log, scales: Scales, seed: int, steps: int) -> _Notes:
    """Notes on `steps` imagined steps from many places in real episodes."""
    device = scales.obs.device
    batch = held_out.whole().to(device)
    pixels = batch.obs.dim() == 5
    starts = _starts(batch, MOST_PIXEL_STARTS if pixels else MOST_STARTS)
    state = world.filter(batch)[starts].repeat_interleave(PATHS, 0)
    generator = torch.Generator(device).manual_seed(seed)
    notes = _Notes(batch, starts, scales, pixels)
    for step in range(1, steps + 1):
        if not (real := notes.real(step)).any():
            break
        action = notes.at(batch.action, step).repeat_interleave(PATHS, 0)
        imagined = world.imagine(state, action, generator)
        state = imagined.state
        notes.note(step, real, imagined.reward, imagined.end_logit, imagined.uncertainty)
        if step in HORIZONS or step == SHORT:
            notes.compare(step, real, _decode(world, state))
    return notes


class _Notes:
    """What is written down along the way. Everything of paths is [N * K]; what is kept is [N'] of real steps."""

    def __init__(
        self, batch: Sequences, starts: tuple[Tensor, Tensor], scales: Scales, pixels: bool
    ) -> None:
        self.batch, self.starts, self.scales, self.pixels = batch, starts, scales, pixels
        self.square_error: dict[int, Tensor] = {}  # step -> [N'] mean over O, normalised
        self.mse: dict[int, float] = {}
        self.rewards: list[Tensor] = []
        self.ends: list[tuple[Tensor, Tensor]] = []
        self.ranks: Tensor | None = None
        self.uncertainty: Tensor | None = None

    def at(self, column: Tensor, step: int) -> Tensor:
        """Rows [N, ...] of `column` at the step-th step after every start; beyond the log, its last."""
        episode, t = self.starts
        return column[episode, (t + step - 1).clamp_max(column.shape[1] - 1)]

    def real(self, step: int) -> Tensor:
        """[N] bool: that step was really taken."""
        within = self.starts[1] + step <= self.batch.action.shape[1]
        return within & self.at(self.batch.real, step)

    def note(
        self, step: int, real: Tensor, reward: Tensor, end_logit: Tensor, uncertainty: Tensor
    ) -> None:
        if step == 1:
            self.uncertainty = _by_start(uncertainty).mean(1)[real]
        if step > SHORT:
            return
        paths, truth = _by_start(reward)[real], self.at(self.batch.reward, step)[real]
        self.rewards.append((paths.mean(1) - truth).square())
        ended = self.at(self.batch.terminated, step)[real]
        self.ends.append((_by_start(end_logit)[real].mean(1), ended))
        if step == SHORT and self.pixels and truth.std() > 0:
            self.ranks = _ranks(paths[..., None], truth[:, None])

    def compare(self, step: int, real: Tensor, decoded: Tensor) -> None:
        """Decoded states [N * K, O] with what was really observed after that step."""
        episode, t = self.starts
        truth = self.batch.obs[episode[real], t[real] + step].float().flatten(1)
        paths = _by_start(decoded)[real]
        error = paths.mean(1) - truth
        self.square_error[step] = (error / self.scales.obs).square().mean(1)
        self.mse[step] = float(error.square().mean())
        if step == SHORT and not self.pixels:
            self.ranks = _ranks(paths, truth)

    def judgement(self) -> Judgement:
        def root(values: Tensor | None) -> float | None:
            return None if values is None or not len(values) else float(values.mean().sqrt())

        psnr = {h: _psnr(self.mse[h]) if h in self.mse else None for h in HORIZONS}
        reward_error = root(torch.cat(self.rewards))
        varied = self.scales.reward > 1e-6
        logits, ended = (torch.cat(column) for column in zip(*self.ends, strict=True))
        assert self.uncertainty is not None
        return Judgement(
            error={h: root(self.square_error.get(h)) for h in HORIZONS},
            psnr=psnr if self.pixels else None,
            reward_error=reward_error / self.scales.reward if reward_error and varied else None,
            end_auc=area_under_curve(logits, ended),
            coverage=None if self.ranks is None else float(_inside(self.ranks, 0)),
            calibration=None if self.ranks is None else _miscalibration(self.ranks),
            uncertainty_rank=spearman(self.uncertainty, self.square_error[1]),
        )


def _psnr(mse: float) -> float:
    """Peak signal-to-noise ratio in dB of frames in [0, 255]; 100 for the frame itself."""
    return min(100.0, 10 * math.log10(255**2 / max(mse, 1e-12)))


def area_under_curve(score: Tensor, positive: Tensor) -> float | None:
    """Share of pairs (positive, negative) that scores [N] put in order, ties counting half; None without pairs."""
    ups, downs = score[positive], score[~positive]
    if not len(ups) or not len(downs):
        return None
    above = (ups[:, None] > downs).double().mean()
    equal = (ups[:, None] == downs).double().mean()
    return float(above + 0.5 * equal)


def spearman(a: Tensor, b: Tensor) -> float | None:
    """Correlation of the ranks of a and b, [N] each; None when one of them is constant."""
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        return None
    ranks = torch.stack([a.argsort().argsort().double(), b.argsort().argsort().double()])
    return float(torch.corrcoef(ranks)[0, 1])


def _starts(batch: Sequences, most: int) -> tuple[Tensor, Tensor]:
    """Episode and step of every place with CONTEXT steps behind it and a real one ahead, evenly thinned to `most`."""
    ahead = batch.real.clone()
    ahead[:, :CONTEXT] = False
    episode, t = ahead.nonzero(as_tuple=True)
    if not len(t):
        raise UsageError(
            f"no held-out episode is longer than {CONTEXT} steps; collect more real steps, or longer episodes"
        )
    stride = -(-len(t) // most)
    return episode[::stride], t[::stride]


def _by_start(values: Tensor) -> Tensor:
    """[N * K, ...] -> [N, K, ...]"""
    return values.unflatten(0, (-1, PATHS))


def _decode(world: World, state: Tensor) -> Tensor:
    """[N * K, S] -> [N * K, O], in parts: frames are large."""
    return torch.cat([world.decode(part).flatten(1) for part in state.split(DECODED_AT_ONCE)])


def _ranks(paths: Tensor, truth: Tensor) -> Tensor:
    """How many of the paths [N, K, O] lie below the truth [N, O], 0..K."""
    return (paths < truth[:, None]).sum(1)


def _inside(ranks: Tensor, skipped: int) -> Tensor:
    """Share of truths between the paths that remain when `skipped` at either end are left out."""
    return ((ranks > skipped) & (ranks < PATHS - skipped)).double().mean()


def _miscalibration(ranks: Tensor) -> float:
    """Mean over all central intervals of | share inside - share there should be |."""
    off = [
        abs(float(_inside(ranks, skipped)) - (PATHS - 1 - 2 * skipped) / (PATHS + 1))
        for skipped in range(PATHS // 2)
    ]
    return sum(off) / len(off)
