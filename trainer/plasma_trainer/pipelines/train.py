# SPDX-License-Identifier: Apache-2.0
"""From an environment id to a policy that was trained in imagination only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import gymnasium as gym
from rich.console import Console

from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.rounds import Goal, Result, run_rounds
from plasma_trainer.pipelines.runs import Run

ITERATIONS = 40


@dataclass(frozen=True)
class TrainArgs:
    """What `plasma-train train` asks for."""

    env: str  # Gymnasium environment id
    seed: int = 0
    real_steps: int = 1000  # the budget
    block_steps: int = 200  # real steps per round
    iterations: int = ITERATIONS  # of imagination per round
    discount: float | None = None  # None: by the length of an episode
    threshold: float | None = None  # return to reach; None: the environment's own


def train(args: TrainArgs, out: Path, console: Console) -> Result:
    """Do, or finish, the experiment in `out`. Its learner is read back with `load_trained`."""
    threshold = threshold_of(args.env, args.threshold)
    run = Run.begin(out, args)
    goal = Goal(
        threshold=threshold,
        real_steps=args.real_steps,
        block_steps=args.block_steps,
        iterations=args.iterations,
        seed=args.seed,
    )
    return run_rounds(run, _new_learner(args), goal, console)


def load_trained(out: Path) -> tuple[TrainArgs, Learner]:
    """The finished experiment in `out`. Raises UsageError when there is none."""
    run = Run.open(out)
    args = TrainArgs(**run.args)
    learner = _new_learner(args)
    learner.restore(run.finished_round()["learner"])
    return args, learner


def threshold_of(env_id: str, asked: float | None) -> float:
    """The return to reach: the one asked for, or the one the environment was registered with."""
    threshold = gym.spec(env_id).reward_threshold if asked is None else asked
    if threshold is None:
        raise UsageError(f"{env_id} was registered without a reward threshold; pass --threshold")
    return float(threshold)


def _new_learner(args: TrainArgs) -> Learner:
    return Learner.fresh(args.env, args.seed, args.discount)
