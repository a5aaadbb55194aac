# SPDX-License-Identifier: Apache-2.0
"""From a trained policy and a broken plant to an adapter: a few kilobytes that put it right."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from plasma_trainer.data import derive
from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.rounds import Goal, Result, run_rounds
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.train import TrainArgs, load_trained, threshold_of
from plasma_trainer.policies import save_adapter, with_adapter


@dataclass(frozen=True)
class AdaptArgs:
    """What `plasma-train adapt` asks for."""

    base: str  # directory of a finished training run
    variant: str = "reversed"
    seed: int = 0
    real_steps: int = 400  # on the broken plant
    block_steps: int = 200
    iterations: int = 20
    threshold: float | None = None


def adapt(args: AdaptArgs, out: Path, console: Console) -> Result:
    """Do, or finish, the adaptation in `out`: `out`/adapter is then what PEFT saves. The base stays as it was."""
    trained, base = load_trained(Path(args.base))
    asked = trained.threshold if args.threshold is None else args.threshold
    run = Run.begin(out, args)
    learner = _new_learner(args, trained, base)
    goal = Goal(
        env=trained.env,
        variant=args.variant,
        threshold=threshold_of(trained.env, asked),
        real_steps=args.real_steps,
        block_steps=args.block_steps,
        iterations=args.iterations,
        seed=args.seed,
    )
    result = run_rounds(run, learner, goal, console)
    save_adapter(learner.policy, out / "adapter")
    return result


def load_adapted(out: Path) -> tuple[AdaptArgs, Learner]:
    """The finished adaptation in `out`. Raises UsageError when there is none."""
    run = Run.open(out)
    args = AdaptArgs(**run.args)
    trained, base = load_trained(Path(args.base))
    learner = _new_learner(args, trained, base)
    learner.restore(run.finished_round()["learner"])
    return args, learner


def _new_learner(args: AdaptArgs, trained: TrainArgs, base: Learner) -> Learner:
    torch.manual_seed(derive(args.seed, "adapter"))
    return Learner(
        make_plant(trained.env, args.variant),
        with_adapter(base.policy),
        copy.deepcopy(base.world),
        base.discount,
        args.seed,
        past=base.data,
    )
