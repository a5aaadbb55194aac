# SPDX-License-Identifier: Apache-2.0
"""All worlds on the same log, judged alike: one table, and for frames pictures of what they imagine.

A log is split by episode three ways: worlds are fitted to the first part, stopped early and calibrated by the second,
and judged on the third.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from torch import nn

from plasma_trainer.data import Log, collect_log, derive, random_act
from plasma_trainer.envs import make_pixel_plant, make_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.controllability import Forks, controllability, fork, obeyed
from plasma_trainer.pipelines.drift import HORIZONS as DRIFT_HORIZONS
from plasma_trainer.pipelines.drift import Drift, distance, frames_per_second, measure_drift
from plasma_trainer.pipelines.families import PIXEL_WORLDS, VECTOR_WORLDS, fit_parts, new_world
from plasma_trainer.pipelines.fit_world import FitArgs, fit_world
from plasma_trainer.pipelines.open_loop import (
    CONTEXT,
    HORIZONS,
    Judgement,
    Scales,
    calibrate,
    judge,
)
from plasma_trainer.pipelines.runs import Run, write_json
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.strips import (
    imagined_frames,
    real_frames,
    save_film,
    save_strip,
)
from plasma_trainer.world_models import LatentWorld, World

LONGEST = (
    max(HORIZONS) + 56
)  # steps of an episode: the plant's own time limit is no part of its physics
SHARES = (0.7, 0.15, 0.15)
FILM_STEPS = 50
PLACES = 24  # from which worlds are asked whether they obey


@dataclass(frozen=True)
class WorldsArgs:
    """What `plasma-train evaluate-world` asks for."""

    env: str
    pixels: bool = False
    policy: str | None = (
        None  # a finished run: half of the real steps are those of its exploring policy
    )
    seed: int = 0
    real_steps: int = 10_000
    updates: int = 3000  # at most, of each world
    batch: int = 16
    length: int = 32
    size: int = 64  # of frames, pixels a side
    cooling: float = 0.0  # see FitArgs


@dataclass(frozen=True)
class Row:
    """One world's line in the table. What only frames have is None without them: obeys is the share of imagined
    frames that obey their action, frames_per_second a CPU second's."""

    world: str
    parameters: int
    updates: int
    cpu_seconds: float
    temperature: float
    judgement: Judgement
    drift: Drift | None = None
    obeys: float | None = None
    frames_per_second: float | None = None

    @classmethod
    def read(cls, written: dict[str, Any]) -> Row:
        """From JSON, whose keys are strings."""
        figures: dict[str, Any] = {"judgement": Judgement(**_by_horizon(written["judgement"]))}
        if written.get("drift"):  # not of vectors
            figures["drift"] = Drift(**_by_horizon(written["drift"]))
        return cls(**{**written, **figures})


def evaluate_worlds(
    args: WorldsArgs, worlds: tuple[str, ...] | None, device: str, out: Path, console: Console
) -> list[Row]:
    """Fit and judge each of `worlds` (None: all that fit the observations) in `out`, or finish doing so.

    Frames have a line `real` besides: what a world that knew everything would get. Writes out/worlds.json and, for
    frames, out/strip.png and out/film.gif.
    """
    Run.begin(out, args)
    names = worlds or (PIXEL_WORLDS if args.pixels else VECTOR_WORLDS)
    plant = _plant(args)
    logs = _log(args, plant, out, console).split(SHARES, derive(args.seed, "split"))
    train, validation, test = logs
    scales = _on(device, Scales.of(train))
    forks = fork(plant, derive(args.seed, "forks"), PLACES) if args.pixels else None
    rows, fitted = [], {}
    for name in names:
        world, fits = _fit(name, plant.action_space, train, validation, args, device, out, console)
        path = out / f"{name}.json"
        if not path.exists():  # not judged before a restart
            console.print(f"judging {name}")
            write_json(path, asdict(_judged(name, world, fits, logs, scales, forks, args.seed)))
        rows.append(Row.read(json.loads(path.read_text())))
        world.calibrate(validation.whole().to(scales.obs.device))
        world.temperature.fill_(rows[-1].temperature)
        fitted[name] = world
    if forks is not None:
        rows.append(_real(train, test, scales, forks))
        _draw(fitted, test, derive(args.seed, "film"), out)
    write_json(out / "worlds.json", {row.world: asdict(row) for row in rows})
    return rows


def _judged(
    name: str,
    world: World,
    fits: list[dict[str, Any]],
    logs: tuple[Log, ...],
    scales: Scales,
    forks: Forks | None,
    seed: int,
) -> Row:
    """The line of a fitted world, which ends calibrated. logs: training, validation, test."""
    train, validation, test = logs
    calibrate(world, validation, scales, derive(seed, "calibrate"))
    size = sum(p.numel() for p in world.parameters())
    seconds, updates = (sum(f[key] for f in fits) for key in ("cpu_seconds", "updates"))
    judgement = judge(world, test, scales, derive(seed, "judge"))
    row = Row(name, size, updates, seconds, float(world.temperature), judgement)
    if forks is None:
        return row
    return replace(
        row,
        drift=measure_drift(world, train, test, scales, derive(seed, "drift")),
        obeys=controllability(world, forks, derive(seed, "obeys")),
        frames_per_second=frames_per_second(world, test),
    )


def _real(train: Log, test: Log, scales: Scales, forks: Forks) -> Row:
    """The line of reality."""
    frames = torch.from_numpy(np.concatenate([e.obs for e in test.episodes]))
    away = distance(frames.to(scales.obs.device), train, scales)
    nothing = dict.fromkeys(HORIZONS)
    judgement = Judgement(nothing, nothing, None, None, None, None, None)
    drift = Drift(dict.fromkeys(DRIFT_HORIZONS, away), None)
    return Row("real", 0, 0, 0.0, 1.0, judgement, drift, obeyed(forks.after, forks.after))


def table(title: str, rows: list[Row]) -> Table:
    """The leaderboard; see Judgement for what the figures are."""
    pixels = any(row.drift for row in rows)
    sheet = Table(title=title, title_justify="left", box=SIMPLE_HEAD, padding=(0, 1))
    for index, heading in enumerate(headings(pixels)):
        sheet.add_column(heading, justify="right" if index else "left", no_wrap=True)
    for row in rows:
        sheet.add_row(*cells(row, pixels))
    return sheet


def headings(pixels: bool) -> list[str]:
    """Of the table's columns."""
    errors = [f"error @{HORIZONS[0]}", *(f"@{h}" for h in HORIZONS[1:])]
    psnr = [f"PSNR @{HORIZONS[0]}", *(f"@{h}" for h in HORIZONS[1:])] if pixels else []
    judged = [*errors, "reward", "end AUC", "90 % holds", "off by", "ρ", *psnr]
    drawn = [f"drift @{DRIFT_HORIZONS[0]}", *(f"@{h}" for h in DRIFT_HORIZONS[1:])]
    drawn += ["bias", "obeys", "frames/s"]
    return ["world", "parameters", "CPU s", *judged, *(drawn if pixels else ())]


def cells(row: Row, pixels: bool) -> list[str]:
    """A line of the table as text."""
    j = row.judgement
    figures = [*(_shown(j.error[h], ".3f") for h in HORIZONS), _shown(j.reward_error, ".3f")]
    figures += [_shown(j.end_auc, ".3f"), _shown(j.coverage, ".0%"), _shown(j.calibration, ".3f")]
    figures += [_shown(j.uncertainty_rank, ".2f")]
    if pixels:
        assert j.psnr is not None and row.drift is not None
        figures += [_shown(j.psnr[h], ".1f") for h in HORIZONS]
        figures += [_shown(row.drift.drift[h], ".3f") for h in DRIFT_HORIZONS]
        figures += [_shown(row.drift.reward_bias, "+.3f"), _shown(row.obeys, ".0%")]
        figures += [_shown(row.frames_per_second, ",.0f")]
    return [row.world, f"{row.parameters:,}", f"{row.cpu_seconds:.0f}", *figures]


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _plant(args: WorldsArgs) -> gym.Env[Any, Any]:
    if args.pixels:
        return make_pixel_plant(args.env, size=args.size, max_episode_steps=LONGEST)
    return make_plant(args.env, max_episode_steps=LONGEST)


def _log(args: WorldsArgs, plant: gym.Env[Any, Any], out: Path, console: Console) -> Log:
    """The real steps, collected once."""
    path = out / "log.npz"
    if not path.exists():
        with console.status(f"collecting {args.real_steps} real steps"):
            _collect(args, plant).save(path)
    return Log.load(path)


def _collect(args: WorldsArgs, plant: gym.Env[Any, Any]) -> Log:
    acts: list[Callable[[np.ndarray], Any]] = [
        random_act(plant.action_space, derive(args.seed, "log"))
    ]
    if args.policy is not None:
        if args.pixels:
            raise UsageError(
                "a run's policy cannot fly from frames; leave out --policy or --pixels"
            )
        acts.append(load_skill(Path(args.policy)).learner.explore(derive(args.seed, "log")))
    steps = args.real_steps // len(acts)
    logs = [
        collect_log(plant, act, steps, derive(args.seed, "log", i), LONGEST)
        for i, act in enumerate(acts)
    ]
    return sum(logs[1:], start=logs[0])


def _fit(
    name: str,
    space: spaces.Space[Any],
    train: Log,
    validation: Log,
    args: WorldsArgs,
    device: str,
    out: Path,
    console: Console,
) -> tuple[World, list[dict[str, Any]]]:
    """A fitted world, and how its parts were fitted."""
    torch.manual_seed(derive(args.seed, "weights"))
    fits: list[dict[str, Any]] = []

    def fit(part: str, model: nn.Module, train: Log, held_out: Log) -> None:
        fit_args = FitArgs(
            part,
            args.updates,
            args.batch,
            args.length,
            cooling=args.cooling,
            seed=derive(args.seed, part),
        )
        fits.append(asdict(fit_world(model, train, held_out, fit_args, out / part, console)))
        console.print(f"{part}: {fits[-1]}", highlight=False)

    world = new_world(name, train.episodes[0].obs.shape[1:], space).to(device)
    fit_parts(name, world, train, validation, fit)
    return world, fits


def _on(device: str, scales: Scales) -> Scales:
    return Scales(scales.obs.to(device), scales.reward)


def _draw(worlds: dict[str, World], test: Log, seed: int, out: Path) -> None:
    """A held-out episode, real and as every world goes on with it."""
    episode = next((e for e in test.episodes if len(e) >= CONTEXT + FILM_STEPS), None)
    if episode is None:
        return
    rows = {"real": real_frames(episode, FILM_STEPS)}
    for name, world in worlds.items():
        rows[name] = imagined_frames(world, episode, FILM_STEPS, seed)
    for name, world in worlds.items():
        if isinstance(world, LatentWorld) and not world.steady:
            seen = torch.from_numpy(episode.obs[CONTEXT : CONTEXT + FILM_STEPS + 1])
            latent = world.vae.get_latent(seen.to(world.temperature.device))
            back = world.vae.decode(latent).round().to(torch.uint8)
            rows[f"{name.split('+')[0]} alone"] = back.permute(0, 2, 3, 1).cpu().numpy()
    save_strip(rows, out / "strip.png")
    save_film(rows, out / "film.gif")


def _by_horizon(written: dict[str, Any]) -> dict[str, Any]:
    """Figures from JSON, those by horizon with numbers for keys again."""
    return {
        name: {int(h): x for h, x in value.items()} if isinstance(value, dict) else value
        for name, value in written.items()
    }
