# SPDX-License-Identifier: Apache-2.0
"""From an environment id to a signed packet, in one go: train in imagination, audit, compile, sign, fly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

import plasma_pack
from plasma_trainer.data import derive
from plasma_trainer.pipelines.audit import audit, read_section
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, Returns, evaluate, load_packet
from plasma_trainer.pipelines.export import export_base
from plasma_trainer.pipelines.rounds import Result
from plasma_trainer.pipelines.runs import write_json
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train


@dataclass(frozen=True)
class Solution:
    """How it ended. Without a packet either the goal was not reached or the audit failed."""

    trained: Result
    verdict: str  # of the audit
    packet: Path | None
    packet_returns: Returns | None  # of the packet itself, on episodes of its own

    @property
    def table(self) -> Table:
        table = Table(show_header=False, box=None)
        table.add_row("goal", "reached" if self.trained.solved else "not reached")
        table.add_row("real steps", f"{self.trained.real_steps:,}")
        table.add_row("return, torch", str(self.trained.returns))
        table.add_row("audit", self.verdict)
        if self.packet is not None:
            table.add_row("return, packet", str(self.packet_returns))
            table.add_row("packet", f"{self.packet}, {self.packet.stat().st_size:,} bytes")
        return table


def solve(args: TrainArgs, key: Path | None, out: Path, console: Console) -> Solution:
    """Do, or finish, the experiment in `out`; `out`/policy.plasma is there only when the goal was reached and one
    real episode kept what imagination promised. Without a key, one is made in `out`.
    """
    if key is not None:
        _check(key)
    trained = train(args, out, console)
    skill = load_skill(out)
    with console.status("auditing: one real episode decides"):
        report = audit(skill, out, canary=True, seed=args.seed)
    if not trained.solved or report.verdict == "failed":
        return Solution(trained, report.verdict, None, None)
    key = key or _key_of(out, console)
    packet = out / "policy.plasma"
    export_base(skill, key, packet, read_section(out))
    with console.status("flying the packet"):
        act = load_packet(packet, None, key.with_suffix(".pub"))
        seed = derive(args.seed, "packet")
        returns = evaluate(skill.env, skill.variant, act, CONFIRMING_EPISODES, seed)
    write_json(out / "solution.json", {"real_steps": trained.real_steps, "packet": vars(returns)})
    return Solution(trained, report.verdict, packet, returns)


def _check(key: Path) -> None:
    """Before the hours of training: can it sign, and is the public half there to fly with?"""
    plasma_pack.load_private(key)
    plasma_pack.load_public(key.with_suffix(".pub"))


def _key_of(out: Path, console: Console) -> Path:
    """The key of earlier times, or a new one."""
    key = out / "key.pem"
    if not key.exists():
        plasma_pack.keygen(key, comment=f"made for {out.name}")
        console.print(f"signing with a new key, {key}; pass --key for one of yours")
    return key
