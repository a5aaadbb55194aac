# SPDX-License-Identifier: Apache-2.0
"""From a run that learnt from frames to maps of what it gets wrong: predicted, observed, and the defects among them.

New real frames, under random actions, are split by whole episodes: the predictor is fitted to some, calibrated by
others, and judged on the rest. The run's world was fitted to none of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from plasma_trainer.data import Log, collect_log, derive, random_act
from plasma_trainer.envs import DEFECTS, background, make_pixel_plant
from plasma_trainer.pipelines.fit_world import FitArgs, fit_world
from plasma_trainer.pipelines.heat import draw
from plasma_trainer.pipelines.learner import REAL_EPISODE_STEPS
from plasma_trainer.pipelines.pixels import PixelSkill, load_pixels
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.surprise import Foretold, Found, Spoilt, find, foretell, look_through
from plasma_trainer.world_models import ErrorPredictor
from plasma_trainer.world_models.error_map import PIXEL_ALARM, PIXEL_NEAR, near, quantile

SHARES = (0.65, 0.15, 0.2)  # of the episodes: to fit, to calibrate, to judge
BATCH, LENGTH = 4, 8
LEARNING_RATE, COOLING = 3e-3, 0.5


@dataclass(frozen=True)
class ErrorsArgs:
    """What `plasma-train errors` asks for."""

    run: str  # directory of a finished solve-pixels
    real_steps: int = 4000  # that the predictor is fitted to, calibrated by and judged on
    updates: int = 2000
    seed: int = 0


@dataclass(frozen=True)
class Errors:
    """How well errors are predicted on held-out frames, and each defect found.

    observed, predicted: mean errors of a pixel, shares of its range, the bias taken off; plain: with it.
    """

    observed: float
    predicted: float
    plain: float
    found: dict[str, Found]

    @property
    def table(self) -> Table:
        table = Table("defect", "frames", "AUROC", "pixel IoU", "AUROC, plain error", "pixel IoU")
        for defect, row in self.found.items():
            figures = (row.auroc, row.iou, row.plain_auroc, row.plain_iou)
            table.add_row(defect, str(row.frames), *map(str, figures))
        table.caption = (
            f"mean error of a pixel: {self.observed:.4f} observed, {self.predicted:.4f} predicted; "
            f"{self.plain:.4f} of the picture itself"
        )
        return table


def study(args: ErrorsArgs, out: Path, console: Console) -> Errors:
    """Do, or finish, the experiment in `out`: errors.png and result.json are what it leaves."""
    run = Run.begin(out, args)
    skill = load_pixels(Path(args.run), console)
    world, log = skill.learner.through, _frames(skill, args, out, console)
    fit_log, usual_log, test_log = log.split(SHARES, derive(args.seed, "split"))
    with console.status("foretelling"):
        pairs, usual_pairs = (foretell(world, part, args.seed) for part in (fit_log, usual_log))
    predictor = _predictor(skill, pairs, usual_pairs, args, out, console)
    with console.status("looking for defects"):
        behind = background(np.concatenate([episode.obs for episode in fit_log.episodes]))
        usual = Foretold.of(usual_pairs, predictor)
        clean = Foretold.of(foretell(world, test_log, args.seed, predictor), predictor)
        spoilt = {
            defect: look_through(world, predictor, test_log, defect, behind, args.seed)
            for defect in DEFECTS
        }
        errors = _judge(clean, usual, spoilt, predictor, test_log)
    draw(clean, spoilt, float(predictor.pixel_alarm), out / "errors.png")
    run.finish(errors)
    return errors


def _frames(skill: PixelSkill, args: ErrorsArgs, out: Path, console: Console) -> Log:
    """New real episodes, taken once."""
    path = out / "frames.npz"
    if not path.exists():
        with console.status(f"collecting {args.real_steps} frames"):
            plant = make_pixel_plant(skill.env)
            act = random_act(plant.action_space, derive(args.seed, "act"))
            seed = derive(args.seed, "collect")
            collect_log(plant, act, args.real_steps, seed, REAL_EPISODE_STEPS).save(path)
    return Log.load(path)


def _predictor(
    skill: PixelSkill, pairs: Log, usual: Log, args: ErrorsArgs, out: Path, console: Console
) -> ErrorPredictor:
    """Fitted, or fitted to the end, and calibrated."""
    torch.manual_seed(derive(args.seed, "weights"))
    world = skill.learner.through
    predictor = ErrorPredictor(world.obs_shape, world.action_size, world.discrete)
    predictor.adopt(pairs.pieces())
    fit_args = FitArgs(
        "error map",
        args.updates,
        BATCH,
        LENGTH,
        learning_rate=LEARNING_RATE,
        cooling=COOLING,
        seed=derive(args.seed, "fit"),
    )
    fitted = fit_world(predictor, pairs, usual, fit_args, out / "predictor", console)
    console.print(f"error map: {fitted}", highlight=False)
    predictor.calibrate(usual.pieces())
    return predictor


def _judge(
    clean: Foretold,
    usual: Foretold,
    spoilt: dict[str, Spoilt],
    predictor: ErrorPredictor,
    log: Log,
) -> Errors:
    lengths = torch.tensor([len(episode) for episode in log.episodes])
    owner = torch.arange(len(lengths)).repeat_interleave(lengths)
    plain_alarm = float(quantile(near(usual.error, PIXEL_NEAR), PIXEL_ALARM))
    found = {
        defect: find(seen, clean, predictor, plain_alarm, owner) for defect, seen in spoilt.items()
    }
    maps = clean.maps
    observed, predicted = float(maps.observed.mean()), float(maps.predicted.mean())
    return Errors(observed, predicted, float(clean.error.mean()), found)
