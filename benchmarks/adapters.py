# SPDX-License-Identifier: Apache-2.0
"""How much of what a fault costs an adapter wins back (trainer/README.md says how to read it).

    make results ONLY=adapters
    python -m benchmarks.adapters --task CartPole-v1 --variant reversed

Trains a base for each task; on each variant of its suite learns an adapter, audits it, compiles and signs both, and
flies the packets over fresh episodes. Each finished variant is written to benchmarks/results/learning/latest.json under
`adapters`, and the tables of trainer/README.md are made from that. An interrupted benchmark goes on where it stopped;
remove runs/adapters to measure again.
"""

from __future__ import annotations

import argparse
import json
import resource
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from benchmarks.record import ROOT, provenance, record, recorded, write_tables
from rich.console import Console

import plasma_pack
from plasma_trainer.data import derive
from plasma_trainer.envs import SUITES
from plasma_trainer.errors import UselessAdapterError
from plasma_trainer.pipelines.adapt import AdaptArgs, adapt
from plasma_trainer.pipelines.audit import audit, read_section
from plasma_trainer.pipelines.evaluate import Returns, evaluate, load_packet
from plasma_trainer.pipelines.export import export_adapter, export_base
from plasma_trainer.pipelines.runs import write_json
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train

RUNS = ROOT / "runs/adapters"
EPISODES = 50  # of every figure, from seeds that no run has seen
FLIGHTS = 1000  # the seed of those
HEALED = 0.95

BASES = {
    "CartPole-v1": TrainArgs("CartPole-v1"),
    "Pendulum-v1": TrainArgs("Pendulum-v1", threshold=-200.0),
    "InvertedPendulum-v5": TrainArgs("InvertedPendulum-v5", threshold=950.0),
}
ADAPTERS = {
    "CartPole-v1": AdaptArgs("", rank=None),
    "Pendulum-v1": AdaptArgs("", iterations=60, rank=None),
    "InvertedPendulum-v5": AdaptArgs("", rank=None),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", choices=BASES)
    parser.add_argument("--variant", action="append", help="default: the task's suite")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    RUNS.mkdir(parents=True, exist_ok=True)
    key = RUNS / "key.pem"
    if not key.exists():
        plasma_pack.keygen(key, comment="benchmarks/adapters.py")
    for task in asked.task or BASES:
        base = _base(task, key, console)
        for variant in asked.variant or SUITES[task]:
            console.rule(f"{task}, {variant}")
            adapters = _record(task, base, variant, _measure(task, variant, key, console))
            write_tables("adapters", _tables(adapters))
    healed = {task: _healed(figures["variants"]) for task, figures in adapters.items()}
    console.print("variants healed:", json.dumps(healed))


def _base(task: str, key: Path, console: Console) -> dict[str, Any]:
    """The base of a task as a packet, and what that is worth."""
    out = RUNS / task / "base"
    trained = train(BASES[task], out, console)
    packet = out / "base.plasma"
    if not packet.exists():
        export_base(load_skill(out), key, packet, None)
    returns = _flown(task, "nominal", packet, None, key)
    return {
        "return": returns.mean,
        "bytes": packet.stat().st_size,
        "real_steps": trained.real_steps,
    }


def _measure(task: str, variant: str, key: Path, console: Console) -> dict[str, Any]:
    """One row: the base's packet on the variant, then with its adapter."""
    root = RUNS / task
    out, packet, base = root / _name(variant), root / f"{_name(variant)}.plasma", root / "base"
    row = out / "row.json"
    if row.exists():
        return dict(json.loads(row.read_text()))
    broken = _flown(task, variant, base / "base.plasma", None, key)
    before = _cpu_seconds()
    try:
        learnt = adapt(
            replace(ADAPTERS[task], base=str(base), variant=variant), out / "run", console
        )
    except UselessAdapterError as error:
        console.print(str(error))
        figures = {"base": broken.mean, "refused": str(error)}
    else:
        seconds = _cpu_seconds() - before
        skill = load_skill(out / "run")
        report = audit(skill, out / "run", canary=True, seed=0)
        export_adapter(skill, base / "base.plasma", key, packet, read_section(out / "run"))
        healed = _flown(task, variant, base / "base.plasma", packet, key)
        figures = {
            "base": broken.mean,
            "adapter": healed.mean,
            "adapter_low": healed.low,
            "bytes": packet.stat().st_size,
            "rank": json.loads((out / "run/adaptation.json").read_text())["rank"],
            "real_steps": learnt.real_steps,
            "seconds": seconds,
            "audit": report.verdict,
        }
    write_json(row, figures)
    return figures


def _flown(task: str, variant: str, base: Path, adapter: Path | None, key: Path) -> Returns:
    act = load_packet(base, adapter, key.with_suffix(".pub"))
    return evaluate(task, variant, act, EPISODES, derive(FLIGHTS, variant))


def _name(variant: str) -> str:
    """A file name."""
    return variant.replace("=", "").replace(":", "-").replace("@", "-")


def _cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def _record(task: str, base: dict[str, Any], variant: str, row: dict[str, Any]) -> dict[str, Any]:
    adapters = recorded("adapters")
    figures = adapters.setdefault(task, {"variants": {}})
    figures |= {
        **provenance(),
        "train": asdict(BASES[task]),
        "adapt": asdict(ADAPTERS[task]),
        "base": base,
    }
    lost = base["return"] - row["base"]
    won = row.get("adapter", row["base"]) - row["base"]
    figures["variants"][variant] = row | {"recovered": won / lost}
    record("adapters", adapters)
    return adapters


def _tables(adapters: dict[str, Any]) -> str:
    """One table per task, as Markdown."""
    return "\n".join(_table(task, adapters[task]) for task in BASES if task in adapters)


def _table(task: str, figures: dict[str, Any]) -> str:
    base, rows = figures["base"], figures["variants"]
    lines = [
        f"**{task}**, the base's packet {base['return']:.1f} ({base['real_steps']} real steps, "
        f"{base['bytes']:,} bytes), {figures['date']}; healed: {_healed(rows)}",
        "",
        "| variant | base | adapter | recovered | bytes | rank | real steps | CPU s | audit |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    for variant in (v for v in SUITES[task] if v in rows):
        lines.append(f"| `{variant}` | {_cells(rows[variant])} |")
    return "\n".join(lines) + "\n"


def _cells(row: dict[str, Any]) -> str:
    if "refused" in row:
        return f"{row['base']:.1f} | – | 0% | – | – | – | – | refused"
    return (
        f"{row['base']:.1f} | {row['adapter']:.1f} | {row['recovered']:.1%} | {row['bytes']:,} | "
        f"{row['rank']} | {row['real_steps']} | {row['seconds']:.0f} | {row['audit']}"
    )


def _healed(rows: dict[str, Any]) -> str:
    healed = sum(row["recovered"] >= HEALED for row in rows.values())
    return f"{healed} of {len(rows)}"


if __name__ == "__main__":
    main()
