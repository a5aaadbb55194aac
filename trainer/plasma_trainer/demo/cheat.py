# SPDX-License-Identifier: Apache-2.0
"""`plasma-train demo cheat`: the dream says solved, the gate says no, and the loop goes where it objected
until it passes.

A policy that believes in its world wherever it goes learns, from a handful of random steps, to balance a pole that only
the world can balance. The audit flies one real episode, refuses, and names the steps that no data supports. To fly that
very policy is to go there; its steps teach the world better, and the next round is audited like the first.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

import plasma_edge as pe
import plasma_pack
from plasma_trainer.audit import AuditReport, disputed
from plasma_trainer.data import derive
from plasma_trainer.demo import cheat_report, dreams
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.audit import audit
from plasma_trainer.pipelines.dreamer import Dreamer
from plasma_trainer.pipelines.evaluate import evaluate, load_packet
from plasma_trainer.pipelines.examine import auditor_of
from plasma_trainer.pipelines.export import export_base
from plasma_trainer.pipelines.runs import Run, write_json
from plasma_trainer.pipelines.skills import Skill
from plasma_trainer.policies import greedy_act

ENV = "CartPole-v1"
FIRST_STEPS = 120  # random; hardly enough to know that poles fall
BLOCK_STEPS = 100
ITERATIONS = 25
MOST_ROUNDS = 8
EPISODES = 30
Round = dict[str, Any]


@dataclass(frozen=True)
class CheatArgs:
    """What the demo is run with."""

    seed: int = 0


def run_cheat(args: CheatArgs, out: Path, console: Console) -> dict[str, Any]:
    """Do, or finish, the demo in `out`; returns the figures of out/summary.json.

    Raises UsageError when MOST_ROUNDS rounds did not lead to a policy that passes.
    """
    run, learner = Run.begin(out, args), Dreamer.fresh(ENV, args.seed)
    key = out / "keys" / "release.pem"
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True)
        plasma_pack.keygen(key, comment="demo cheat")
    rounds = run.history()
    if rounds:
        learner.restore(_kept(run)["learner"])
    while not (rounds and rounds[-1]["verdict"] == "verified"):
        if len(rounds) == MOST_ROUNDS:
            raise UsageError(f"no policy passed in {MOST_ROUNDS} rounds; try another --seed")
        with console.status(f"round {len(rounds) + 1}: flying, dreaming, auditing"):
            rounds.append(_round(learner, len(rounds), args.seed, key, out))
        run.save_round(len(rounds) - 1, {"learner": learner.state(), "result": rounds[-1]})
        console.print(_line(rounds[-1]))
    packet = out / "policy.plasma"
    flown = evaluate(
        ENV,
        "nominal",
        load_packet(packet, None, key.with_suffix(".pub")),
        EPISODES,
        derive(args.seed, "packet"),
    )
    summary = {
        "rounds": rounds,
        "packet": {
            "bytes": packet.stat().st_size,
            "audit": pe.verify(packet, trust=key.with_suffix(".pub")).audit,
            "returns": asdict(flown),
        },
        "seed": args.seed,
    }
    write_json(out / "summary.json", summary)
    console.print(table(summary))
    console.print(f"report: {cheat_report.write(summary, out)}")
    return summary


def table(summary: dict[str, Any]) -> Table:
    """The rounds for a terminal."""
    result = Table(title="The dream says solved", title_justify="left")
    for head in ("round", "real steps", "dreamt", "canary", "earned", "unsupported", "verdict"):
        result.add_column(head, justify="left" if head == "verdict" else "right")
    for row in summary["rounds"]:
        result.add_row(*cells(row))
    packet = summary["packet"]
    result.caption = (
        f"packet: {packet['bytes']:,} bytes, audit {packet['audit']}, "
        f"return {packet['returns']['mean']:.1f} over {packet['returns']['episodes']} episodes"
    )
    return result


def cells(row: Round) -> tuple[str, ...]:
    """One round in words: number, real steps, dreamt return, canary, real return, unsupported steps, verdict."""
    return (
        str(row["round"]),
        f"{row['real_steps']:,}",
        f"{row['imagined']:.1f}",
        f"{row['canary']:.0f}",
        f"{row['returns']['mean']:.1f}",
        f"{row['scores']['unsupported_share']:.0%}",
        row["verdict"],
    )


def _kept(run: Run) -> dict[str, Any]:
    state = run.last_round()
    assert state is not None
    return state


def _round(learner: Dreamer, index: int, seed: int, key: Path, out: Path) -> Round:
    """Real steps, a better world, a dreamt policy; then the gate: sign it, or be refused."""
    objected = _live(learner, index, seed)
    learner.learn_world(index)
    learner.imagine(ITERATIONS, index)
    skill, directory = Skill(ENV, "nominal", learner, None), out / f"round-{index + 1}"
    report = audit(skill, directory, canary=True, seed=derive(seed, "audit", index))
    act = greedy_act(learner.policy)
    assert learner.data is not None and report.canary is not None
    dreams.film(learner, directory, derive(seed, "film"))
    return {
        "round": index + 1,
        "real_steps": len(learner.data),
        "objected": objected,
        "imagined": report.imagined_return,
        "canary": report.canary.real_return,
        "returns": asdict(evaluate(ENV, "nominal", act, EPISODES, derive(seed, "label", index))),
        "scores": report.scores,
        "verdict": report.verdict,
        "refusal": _sign(skill, report, key, out),
    }


def _live(learner: Dreamer, index: int, seed: int) -> float | None:
    """Add real steps: the policy goes where it was promised something. The share of them that the auditor disputed."""
    if learner.data is None:
        learner.live(FIRST_STEPS, index)
        return None
    auditor, (before, _) = (
        auditor_of(learner, derive(seed, "audit", index - 1)),
        learner.experience(),
    )
    block = learner.live(BLOCK_STEPS, index).tensors()
    return float(disputed(auditor, before, block["obs"], block["action"]).float().mean())


def _sign(skill: Skill, report: AuditReport, key: Path, out: Path) -> str | None:
    """Offer the policy for signing, whatever the audit said; why it was refused, if it was."""
    try:
        export_base(skill, key, out / "policy.plasma", report.section())
    except plasma_pack.OptionError as error:
        return str(error)
    return None


def _line(row: Round) -> str:
    said = f"refused ({row['refusal']})" if row["refusal"] else "signed"
    return (
        f"round {row['round']}, {row['real_steps']} real steps: the dream says {row['imagined']:.0f}, "
        f"the canary {row['canary']:.0f}: {row['verdict']}, {said}"
    )
