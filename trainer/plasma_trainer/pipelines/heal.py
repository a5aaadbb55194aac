# SPDX-License-Identifier: Apache-2.0
"""From a broken plant to a signed adapter that was flown on it: adapt, audit, export, fly."""

from __future__ import annotations

import json
import resource
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from plasma_trainer.data import derive
from plasma_trainer.errors import UselessAdapterError
from plasma_trainer.pipelines.adapt import ADAPTATION, AdaptArgs, adapt
from plasma_trainer.pipelines.audit import audit, read_section
from plasma_trainer.pipelines.evaluate import Returns, evaluate, load_packet
from plasma_trainer.pipelines.export import export_adapter, export_base
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train

FLIGHTS = 1000  # seed of the episodes that packets are judged by; no run has seen them
EPISODES = 200  # a hundredth of a lost return is less than the luck of fifty


@dataclass(frozen=True)
class Task:
    """How a base is trained, and how its adapters are; `adapt` names neither base nor variant yet."""

    train: TrainArgs
    adapt: AdaptArgs


TASKS = {
    "CartPole-v1": Task(TrainArgs("CartPole-v1"), AdaptArgs("", rank=None)),
    "Pendulum-v1": Task(
        TrainArgs("Pendulum-v1", threshold=-200.0), AdaptArgs("", iterations=60, rank=None)
    ),
    "InvertedPendulum-v5": Task(
        TrainArgs("InvertedPendulum-v5", threshold=950.0), AdaptArgs("", rank=None)
    ),
}


@dataclass(frozen=True)
class Base:
    """A trained base: its run, its packet, and the private key that signs for both it and its adapters."""

    env: str
    run: Path
    packet: Path
    key: Path
    real_steps: int

    def flown(self, variant: str, adapter: Path | None = None) -> Returns:
        """What the packet is worth on a variant, with an adapter or without: the same episodes for both."""
        act = load_packet(self.packet, adapter, self.key.with_suffix(".pub"))
        return evaluate(self.env, variant, act, EPISODES, derive(FLIGHTS, variant))


@dataclass(frozen=True)
class Healed:
    """An adapter's packet: what it earns on the broken plant, and what it cost. `audit`: the verdict signed into it."""

    returns: Returns
    bytes: int
    rank: int
    real_steps: int  # on the broken plant
    seconds: float  # of the CPU, for adapting alone
    audit: str


def train_base(args: TrainArgs, out: Path, key: Path, console: Console) -> Base:
    """Do, or finish, the training in `out`, and sign `out`/base.plasma."""
    trained, packet = train(args, out, console), out / "base.plasma"
    if not packet.exists():
        export_base(load_skill(out), key, packet, None)
    return Base(args.env, out.resolve(), packet, key, trained.real_steps)


def heal(
    base: Base, variant: str, args: AdaptArgs, out: Path, packet: Path, console: Console
) -> Healed:
    """Do, or finish, the adaptation in `out`, and sign and fly its packet.

    Raises UselessAdapterError where there is nothing to mend, nothing was mended, or the audit failed.
    """
    before = _cpu_seconds()
    learnt = adapt(replace(args, base=str(base.run), variant=variant), out, console)
    seconds = _cpu_seconds() - before
    skill = load_skill(out)
    report = audit(skill, out, canary=True, seed=0)
    if report.verdict == "failed":
        raise UselessAdapterError(
            f"the audit of the adapter for {variant} failed ({', '.join(report.warnings)}), and what failed is not "
            f"signed; see {out / 'audit.html'}, then adapt again with more --real-steps"
        )
    export_adapter(skill, base.packet, base.key, packet, read_section(out))
    return Healed(
        base.flown(variant, packet),
        packet.stat().st_size,
        json.loads((out / ADAPTATION).read_text())["rank"],
        learnt.real_steps,
        seconds,
        report.verdict,
    )


def file_name(variant: str) -> str:
    """A variant's SPEC without what file systems do not take."""
    return variant.replace("=", "").replace(":", "-").replace("@", "-")


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
