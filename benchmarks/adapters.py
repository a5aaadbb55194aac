# SPDX-License-Identifier: Apache-2.0
"""How much of what a fault costs an adapter wins back (docs/adapters.md says how to read it).

    make results ONLY=adapters
    python -m benchmarks.adapters --task CartPole-v1 --variant reversed

Trains a base for each task; on each variant of its suite learns an adapter, audits it, compiles and signs both, and
flies the packets over fresh episodes. Each finished variant is written to benchmarks/results/learning/latest.json under
`adapters`, and the tables of docs/adapters.md are made from that. An interrupted benchmark goes on where it stopped;
remove runs/adapters to measure again.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from benchmarks.record import ROOT, provenance, record, recorded, write_tables
from rich.console import Console

import plasma_pack
from plasma_trainer.envs import SUITES
from plasma_trainer.errors import UselessAdapterError
from plasma_trainer.pipelines.heal import TASKS, Base, file_name, heal, train_base
from plasma_trainer.pipelines.runs import write_json

RUNS = ROOT / "runs/adapters"
HEALED = 0.95


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", choices=TASKS)
    parser.add_argument("--variant", action="append", help="default: the task's suite")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    key = signing_key()
    for task in asked.task or TASKS:
        base = train_base(TASKS[task].train, RUNS / task / "base", key, console)
        for variant in asked.variant or SUITES[task]:
            console.rule(f"{task}, {variant}")
            adapters = _record(base, variant, _measure(base, variant, console))
            write_tables("adapters", _tables(adapters))
    healed = {task: _healed(_suite(task, figures)) for task, figures in adapters.items()}
    console.print("variants healed:", json.dumps(healed))


def signing_key() -> Path:
    """The key that signs all of RUNS."""
    RUNS.mkdir(parents=True, exist_ok=True)
    key = RUNS / "key.pem"
    if not key.exists():
        plasma_pack.keygen(key, comment="benchmarks/adapters.py")
    return key


def _measure(base: Base, variant: str, console: Console) -> dict[str, Any]:
    """One row: the base's packet on the variant, then with its adapter."""
    root, name = RUNS / base.env, file_name(variant)
    row = root / name / "row.json"
    if row.exists():
        return dict(json.loads(row.read_text()))
    broken, adapt = base.flown(variant), TASKS[base.env].adapt
    try:
        healed = heal(base, variant, adapt, root / name / "run", root / f"{name}.plasma", console)
    except UselessAdapterError as error:
        console.print(str(error))
        figures = {"base": broken.mean, "refused": str(error)}
    else:
        returns = healed.returns
        costs = {name: value for name, value in vars(healed).items() if name != "returns"}
        figures = {
            "base": broken.mean,
            "adapter": returns.mean,
            "adapter_low": returns.low,
            **costs,
        }
    write_json(row, figures)
    return figures


def _record(base: Base, variant: str, row: dict[str, Any]) -> dict[str, Any]:
    adapters = recorded("adapters")
    figures, whole = adapters.setdefault(base.env, {"variants": {}}), base.flown("nominal").mean
    figures |= {
        **provenance(),
        "train": asdict(TASKS[base.env].train),
        "adapt": asdict(TASKS[base.env].adapt),
        "base": {
            "return": whole,
            "bytes": base.packet.stat().st_size,
            "real_steps": base.real_steps,
        },
    }
    won = row.get("adapter", row["base"]) - row["base"]
    figures["variants"][variant] = row | {"recovered": won / (whole - row["base"])}
    record("adapters", adapters)
    return adapters


def _tables(adapters: dict[str, Any]) -> str:
    """One table per task, as Markdown."""
    return "\n".join(_table(task, adapters[task]) for task in TASKS if task in adapters)


def _table(task: str, figures: dict[str, Any]) -> str:
    base, rows = figures["base"], _suite(task, figures)
    lines = [
        f"**{task}**, the base's packet {base['return']:.1f} ({base['real_steps']} real steps, "
        f"{base['bytes']:,} bytes), {figures['date']}; healed: {_healed(rows)}",
        "",
        "| variant | base | adapter | recovered | bytes | rank | real steps | CPU s | audit |",
        "|---|--:|--:|--:|--:|--:|--:|--:|---|",
    ]
    lines += [f"| `{variant}` | {_cells(row)} |" for variant, row in rows.items()]
    return "\n".join(lines) + "\n"


def _suite(task: str, figures: dict[str, Any]) -> dict[str, Any]:
    """What was measured of the task's suite, in its order."""
    measured = figures["variants"]
    return {variant: measured[variant] for variant in SUITES[task] if variant in measured}


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
