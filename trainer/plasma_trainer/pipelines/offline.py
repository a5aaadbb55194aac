# SPDX-License-Identifier: Apache-2.0
"""From a log to a policy, without one real step: a world fitted to it, and imagination that stays near it.

Where the world is lost, phantom lives end as badly as any in the log (MOReL, Kidambi et al., 2020), so the policy has
nothing to gain from what nobody has seen. Whether it kept to that only a real episode can say: without one, its audit
says `unverified`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console

from plasma_trainer.data import Recording, derive, load_minari
from plasma_trainer.envs import LoggedPlant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.examine import auditor_of, examine
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.policies import MlpPolicy
from plasma_trainer.world_models import Ensemble

ROUND = 20  # iterations of imagination between two checkpoints


@dataclass(frozen=True)
class OfflineArgs:
    """What `plasma-train solve --from-minari` asks for."""

    log: str  # a local Minari dataset
    seed: int = 0
    iterations: int = 100  # of imagination
    discount: float | None = None  # None: by the length of an episode


@dataclass(frozen=True)
class Learnt:
    """What there is to say without a plant: steps and the returns of the log, undiscounted, by episode.

    `chosen`: the round whose policy is kept, see `dream`.
    """

    logged_steps: int
    mean_return: float
    best_return: float
    chosen: int


def learn(args: OfflineArgs, out: Path, console: Console) -> Learnt:
    """Do, or finish, the experiment in `out`; `skills.load_skill` reads it back."""
    run = Run.begin(out, args)
    learner, recording = _new_learner(args)
    if learner.silent:
        raise UsageError(
            f"in {args.log} nothing ends or earns more than acting costs; "
            "add episodes that reach what the task rewards"
        )
    best, _ = dream(run, learner, args.iterations, args.seed, console)
    returns = learner.everything.episode_returns
    result = Learnt(recording.log.steps, float(returns.mean()), float(returns.max()), best)
    run.finish(result)
    return result


def dream(
    run: Run, learner: Learner, iterations: int, seed: int, console: Console
) -> tuple[int, list[float]]:
    """Fit the world to what there is and train in imagination alone, a checkpoint every ROUND iterations.

    Returns the round whose policy promises most once what rests on nothing is taken off (AuditReport.audited_return),
    and that of every round. The dreamt return alone would choose the one that exploits its world best.
    """
    rounds = -(-iterations // ROUND)
    saved = run.last_round()
    audited: list[float] = saved["audited"] if saved else []
    if saved:
        learner.restore(saved["learner"])
        console.print(f"resuming after round {len(audited)} of {rounds}")
    else:
        with console.status(f"fitting the world to {len(learner.everything)} logged steps"):
            learner.learn_world(0)
    auditor = auditor_of(learner, seed)
    for index in range(len(audited), rounds):
        steps = min(ROUND, iterations - index * ROUND)
        with console.status(f"round {index + 1} of {rounds}: training in imagination"):
            learner.imagine(steps, index)
            report, _ = examine(learner, auditor, None, seed)
        audited.append(report.audited_return)
        run.save_round(index, {"learner": learner.state(), "audited": audited})
    return int(np.argmax(audited)), audited


def load_learnt(out: Path) -> tuple[str | None, Learner]:
    """The finished experiment in `out`, and the id of the environment that its log names, if it does."""
    run = Run.open(out)
    learner, recording = _new_learner(OfflineArgs(**run.args))
    learner.restore(run.round(int(run.result()["chosen"]))["learner"])
    return recording.env_id, learner


def _new_learner(args: OfflineArgs) -> tuple[Learner, Recording]:
    recording = load_minari(args.log)
    plant: Any = LoggedPlant(
        recording.observation_space,
        recording.action_space,
        max(map(len, recording.log.episodes)),
    )
    torch.manual_seed(derive(args.seed, "weights"))
    policy = MlpPolicy(recording.observation_space.shape[0], plant.action_space)
    world = Ensemble(recording.observation_space.shape[0], policy.action_size, policy.discrete)
    learner = Learner(plant, policy, world, args.discount, args.seed)
    learner.data = recording.log.table()
    return learner, recording
