# SPDX-License-Identifier: Apache-2.0
"""From an environment id, or from a log, to a signed packet: train in imagination, audit, compile, sign, fly."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from resource import RUSAGE_SELF, getrusage
from time import process_time

from rich.console import Console
from rich.table import Table

import plasma_pack
from plasma_trainer.data import derive
from plasma_trainer.pipelines.audit import audit, read_section
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, Returns, evaluate, load_packet
from plasma_trainer.pipelines.export import export_base
from plasma_trainer.pipelines.offline import OfflineArgs, learn
from plasma_trainer.pipelines.runs import write_json
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.pipelines.train import TrainArgs, train


@dataclass(frozen=True)
class Solution:
    """How it ended. Without a packet either the goal was not reached or the audit failed."""

    learning: dict[str, str]  # what there is to say of it, by name
    verdict: str  # of the audit
    packet: Path | None
    packet_returns: (
        Returns | None
    )  # of the packet itself, on episodes of its own; None without a plant to fly on

    @property
    def table(self) -> Table:
        table = Table(show_header=False, box=None)
        for name, value in self.learning.items():
            table.add_row(name, value)
        table.add_row("audit", self.verdict)
        if self.packet is not None:
            table.add_row("return, packet", str(self.packet_returns or "not flown: no canary yet"))
            table.add_row("packet", f"{self.packet}, {self.packet.stat().st_size:,} bytes")
        peak = getrusage(RUSAGE_SELF).ru_maxrss // 1024
        table.add_row("cost", f"{process_time():.0f} CPU seconds, {peak:,} MiB at most")
        return table


def solve(args: TrainArgs, key: Path | None, out: Path, console: Console) -> Solution:
    """Do, or finish, the experiment in `out`; `out`/policy.plasma is there only when the goal was reached and one
    real episode kept what imagination promised. Without a key, one is made in `out`.
    """
    check_key(key)
    trained = train(args, out, console)
    learning = {
        "goal": "reached" if trained.solved else "not reached",
        "real steps": f"{trained.real_steps:,}",
        "return, torch": str(trained.returns),
    }
    skill = load_skill(out)
    with console.status("auditing: a few real episodes decide"):
        report = audit(skill, out, canary=True, seed=args.seed)
    if not trained.solved or report.verdict == "failed":
        return Solution(learning, report.verdict, None, None)
    packet, public = _packet(skill, key, out, console)
    with console.status("flying the packet"):
        act, seed = load_packet(packet, None, public), derive(args.seed, "packet")
        returns = evaluate(skill.env, skill.variant, act, CONFIRMING_EPISODES, seed)
    write_json(out / "solution.json", {"real_steps": trained.real_steps, "packet": vars(returns)})
    return Solution(learning, report.verdict, packet, returns)


def solve_log(args: OfflineArgs, key: Path | None, out: Path, console: Console) -> Solution:
    """The same from a log. Nothing is flown, so the packet's audit is `unverified`; `plasma-train audit` and `export`
    make a verified one where there is a plant."""
    check_key(key)
    learnt = learn(args, out, console)
    skill = load_skill(out)
    with console.status("auditing, without a canary"):
        report = audit(skill, out, canary=False, seed=args.seed)
    learning = {
        "logged steps": f"{learnt.logged_steps:,}",
        "return, log": f"{learnt.mean_return:.1f} (best episode {learnt.best_return:.1f})",
        "return, imagined": f"{report.imagined_return:.1f}",
        "warnings": ", ".join(report.warnings) or "none",
    }
    packet, _ = _packet(skill, key, out, console)
    return Solution(learning, report.verdict, packet, None)


def _packet(skill: Skill, key: Path | None, out: Path, console: Console) -> tuple[Path, Path]:
    """The signed packet, and the public key that opens it."""
    key = key or key_of(out, console)
    packet = out / "policy.plasma"
    export_base(skill, key, packet, read_section(out))
    return packet, key.with_suffix(".pub")


def check_key(key: Path | None) -> None:
    """Before the hours of training: can it sign, and is the public half there to fly with?"""
    if key is None:
        return
    plasma_pack.load_private(key)
    plasma_pack.load_public(key.with_suffix(".pub"))


def key_of(out: Path, console: Console) -> Path:
    """The key of earlier times, or a new one."""
    key = out / "key.pem"
    if not key.exists():
        plasma_pack.keygen(key, comment=f"made for {out.name}")
        console.print(f"signing with a new key, {key}; pass --key for one of yours")
    return key
