# SPDX-License-Identifier: Apache-2.0
"""An adapter from a log of the broken plant, when nobody can fly it here: not one real step.

What adapt.py decides by flying is decided by the audit: which checkpoint is kept, and whether it is any better than the
base. Without a canary, its verdict is `unverified`.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path

import torch
from rich.console import Console

from plasma_trainer.data import derive, load_minari
from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError, UselessAdapterError
from plasma_trainer.pipelines.examine import auditor_of, examine
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.offline import dream
from plasma_trainer.pipelines.relearner import Relearner
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.train import load_trained
from plasma_trainer.policies import Lora, save_adapter, with_adapter


@dataclass(frozen=True)
class AdaptLogArgs:
    """What `plasma-train adapt --from-minari` asks for."""

    base: str  # directory of a finished training run
    log: str  # a local Minari dataset of the broken plant
    variant: str | None = None  # of that plant, where a canary may fly; None: nobody knows
    seed: int = 0
    iterations: int = 100  # of imagination
    rank: int = 8
    alpha: float = 16.0
    targets: tuple[str, ...] = ()
    dropout: float = 0.0


@dataclass(frozen=True)
class Mended:
    """What there is to say without a plant: the audited returns (see AuditReport) of base and adapter in the log's
    world, and the round that was kept."""

    logged_steps: int
    base: float
    adapter: float
    chosen: int


def adapt_from_log(args: AdaptLogArgs, out: Path, console: Console) -> Mended:
    """Do, or finish, the adaptation in `out`: `out`/adapter is then what PEFT saves. The base stays as it was.

    Raises UsageError for a log of another task, UselessAdapterError where the audit sees nothing won.
    """
    base, learner = _new_learner(args)
    run = Run.begin(out, args)
    assert learner.data is not None
    steps = len(learner.data)
    chosen, audited = dream(run, learner, args.iterations, args.seed, console)
    before = copy.copy(learner)
    before.policy = base.policy
    report, _ = examine(before, auditor_of(learner, args.seed), None, args.seed)
    if audited[chosen] <= report.audited_return:
        raise UselessAdapterError(
            f"in the world of {args.log} the audit leaves the adapter {audited[chosen]:.1f} and the base "
            f"{report.audited_return:.1f}; nothing was saved; add episodes to the log, or allow more --iterations"
        )
    learner.restore(run.round(chosen)["learner"])
    save_adapter(learner.policy, out / "adapter")
    result = Mended(steps, report.audited_return, audited[chosen], chosen)
    run.finish(result)
    return result


def load_adapted_from_log(out: Path) -> tuple[AdaptLogArgs, Learner]:
    """The finished adaptation in `out`, flying the adapter that was saved. Raises UsageError when there is none."""
    run = Run.open(out)
    chosen = int(run.result()["chosen"])
    args = AdaptLogArgs(**run.args)
    _, learner = _new_learner(args)
    learner.restore(run.round(chosen)["learner"])
    return args, learner


def _new_learner(args: AdaptLogArgs) -> tuple[Learner, Learner]:
    """The base, and who is to learn from the log."""
    trained, base = load_trained(Path(args.base))
    recording, plant = load_minari(args.log), make_plant(trained.env)
    spaces = (recording.observation_space.shape, recording.action_space)
    if spaces != (plant.observation_space.shape, plant.action_space):
        raise UsageError(
            f"{args.log} observes {recording.observation_space} and acts in {recording.action_space}; expected a log "
            f"of {trained.env}, which observes {plant.observation_space} and acts in {plant.action_space}"
        )
    torch.manual_seed(derive(args.seed, "adapter"))
    lora = Lora(args.rank, args.alpha, tuple(args.targets), args.dropout)
    learner = Relearner(plant, with_adapter(base.policy, lora), base, args.seed)
    learner.learn_from(recording.log.table())
    return base, learner
