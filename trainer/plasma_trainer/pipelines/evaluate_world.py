# SPDX-License-Identifier: Apache-2.0
"""All worlds on the same log, judged alike: one table, and for pixels pictures of what they imagine.

A log is split by episode three ways: worlds are fitted to the first part, stopped early and calibrated by the second,
and judged on the third.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from plasma_trainer.data import Log, collect_log, derive, random_act
from plasma_trainer.envs import make_pixel_plant, make_plant
from plasma_trainer.errors import UsageError
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
from plasma_trainer.world_models import Ensemble, LatentWorld, MdnRnn, Rssm, Still, Vae, World

VECTOR_WORLDS = ("still", "ensemble", "mdn-rnn", "rssm")
PIXEL_WORLDS = ("still", "vae+mdn-rnn", "rssm")
LONGEST = (
    max(HORIZONS) + 56
)  # steps of an episode: the plant's own time limit is no part of its physics
SHARES = (0.7, 0.15, 0.15)
FILM_STEPS = 50


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


@dataclass(frozen=True)
class Row:
    """One world's line in the table."""

    world: str
    parameters: int
    updates: int
    cpu_seconds: float
    temperature: float
    judgement: Judgement

    @classmethod
    def read(cls, written: dict[str, Any]) -> Row:
        """From JSON, whose keys are strings."""
        figures = dict(written["judgement"])
        for name in ("error", "psnr"):
            if figures[name] is not None:
                figures[name] = {int(h): value for h, value in figures[name].items()}
        return cls(**{**written, "judgement": Judgement(**figures)})


def evaluate_worlds(
    args: WorldsArgs, worlds: tuple[str, ...] | None, device: str, out: Path, console: Console
) -> list[Row]:
    """Fit and judge each of `worlds` (None: all that fit the observations) in `out`, or finish doing so.

    Writes out/worlds.json and, for pixels, out/strip.png and out/film.gif.
    """
    Run.begin(out, args)
    names = worlds or (PIXEL_WORLDS if args.pixels else VECTOR_WORLDS)
    plant = _plant(args)
    train, validation, test = _log(args, plant, out, console).split(
        SHARES, derive(args.seed, "split")
    )
    rows, fitted = [], {}
    for name in names:
        world, fits = _fit(name, plant.action_space, train, validation, args, device, out, console)
        scales = _on(device, Scales.of(train))
        calibrate(world, validation, scales, derive(args.seed, "calibrate"))
        console.print(f"judging {name}")
        judgement = judge(world, test, scales, derive(args.seed, "judge"))
        size = sum(p.numel() for p in world.parameters())
        seconds, updates = (sum(f[key] for f in fits) for key in ("cpu_seconds", "updates"))
        temperature = float(world.temperature)
        rows.append(Row(name, size, updates, seconds, temperature, judgement))
        fitted[name] = world
    write_json(out / "worlds.json", {row.world: asdict(row) for row in rows})
    if args.pixels:
        _draw(fitted, test, derive(args.seed, "film"), out)
    return rows


def table(title: str, rows: list[Row]) -> Table:
    """The leaderboard; see Judgement for what the figures are."""
    pixels = any(row.judgement.psnr for row in rows)
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
    return ["world", "parameters", "CPU s", *judged]


def cells(row: Row, pixels: bool) -> list[str]:
    """A line of the table as text."""
    j = row.judgement
    figures = [*(_shown(j.error[h], ".3f") for h in HORIZONS), _shown(j.reward_error, ".3f")]
    figures += [_shown(j.end_auc, ".3f"), _shown(j.coverage, ".0%"), _shown(j.calibration, ".3f")]
    figures += [_shown(j.uncertainty_rank, ".2f")]
    if pixels:
        assert j.psnr is not None
        figures += [_shown(j.psnr[h], ".1f") for h in HORIZONS]
    return [row.world, f"{row.parameters:,}", f"{row.cpu_seconds:.0f}", *figures]


def _shown(value: float | None, form: str) -> str:
    return "–" if value is None else format(value, form)


def _plant(args: WorldsArgs) -> gym.Env[Any, Any]:
    make = make_pixel_plant if args.pixels else make_plant
    return make(args.env, max_episode_steps=LONGEST)


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

    def fit(part: str, model: Vae | World, train: Log, validation: Log) -> None:
        fit_args = FitArgs(
            part, args.updates, args.batch, args.length, seed=derive(args.seed, part)
        )
        fits.append(asdict(fit_world(model, train, validation, fit_args, out / part, console)))
        console.print(f"{part}: {fits[-1]}", highlight=False)

    world = new_world(name, train.episodes[0].obs.shape[1:], space).to(device)
    if isinstance(world, LatentWorld):
        world.vae.adopt(train.pieces().to(torch.device(device)))
        fit("vae", world.vae, train, validation)
        train, validation = (_latent(log, world.vae) for log in (train, validation))
        world.world.adopt(train.pieces().to(torch.device(device)))
        fit(name, world.world, train, validation)
    else:
        world.adopt(train.pieces().to(torch.device(device)))
        if not isinstance(world, Still):
            fit(name, world, train, validation)
    return world, fits


def new_world(name: str, obs_shape: tuple[int, ...], space: spaces.Space[Any]) -> World:
    """An unfitted world for observations of this shape. Raises UsageError when there is none of that name."""
    discrete = isinstance(space, spaces.Discrete)
    actions = int(space.n) if isinstance(space, spaces.Discrete) else space.shape[0]
    pixels = len(obs_shape) == 3
    if name == "still":
        return Still(obs_shape, actions, discrete)
    if name == "rssm":
        return Rssm(obs_shape, actions, discrete)
    if name == "ensemble" and not pixels:
        return Ensemble(obs_shape[0], actions, discrete)
    if name == "mdn-rnn" and not pixels:
        return MdnRnn(obs_shape[0], actions, discrete)
    if name == "vae+mdn-rnn" and pixels:
        vae = Vae(*obs_shape)
        return LatentWorld(vae, MdnRnn(vae.latent_dim, actions, discrete))
    known = PIXEL_WORLDS if pixels else VECTOR_WORLDS
    raise UsageError(
        f"no world {name!r} for observations of shape {obs_shape}; choose from {', '.join(known)}"
    )


def _latent(log: Log, vae: Vae) -> Log:
    device = next(vae.parameters()).device
    return log.seen_as(lambda obs: vae.get_latent(obs.to(device)).cpu())


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
    for world in worlds.values():
        if isinstance(world, LatentWorld):
            seen = torch.from_numpy(episode.obs[CONTEXT : CONTEXT + FILM_STEPS + 1])
            back = world.vae.reconstruct(seen.to(world.temperature.device))
            rows["vae alone"] = back.permute(0, 2, 3, 1).cpu().numpy()
    save_strip(rows, out / "strip.png")
    save_film(rows, out / "film.gif")
