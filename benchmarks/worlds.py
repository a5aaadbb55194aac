# SPDX-License-Identifier: Apache-2.0
"""Every world on the same real episodes, judged alike (trainer/README.md says how to read it).

    make results ONLY=worlds
    python -m benchmarks.worlds --task CartPole-v1

Each finished task is written to benchmarks/results/learning/latest.json under `worlds`, and the tables of
trainer/README.md are made from that. An interrupted benchmark goes on where it stopped; remove runs/worlds to measure
again.
"""

from __future__ import annotations

import argparse
import json
import shutil
from dataclasses import asdict, replace
from typing import Any

import torch
from benchmarks.record import RESULTS, ROOT, provenance, record, recorded, write_tables
from rich.console import Console

from plasma_trainer.pipelines.evaluate_world import (
    Row,
    WorldsArgs,
    cells,
    evaluate_worlds,
    headings,
)
from plasma_trainer.pipelines.train import TrainArgs, train

STRIP = RESULTS.with_name("worlds_of_pixels.png")
RUNS = ROOT / "runs/worlds"

TASKS = {
    "CartPole-v1": WorldsArgs("CartPole-v1", real_steps=5000, updates=400),
    "Pendulum-v1": WorldsArgs("Pendulum-v1", real_steps=5000, updates=400),
    "Pendulum-v1 from 64×64 pixels": WorldsArgs(
        "Pendulum-v1", pixels=True, real_steps=5000, updates=700, batch=8, length=16
    ),
}
STEADY = ("CartPole-v1",)  # falls within twenty random steps: half of its log is a learner's


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", choices=TASKS)
    asked = parser.parse_args().task or TASKS
    torch.set_num_threads(1)
    console = Console()
    for task in asked:
        console.rule(task)
        worlds = _record(task, _measure(TASKS[task], console))
        write_tables("worlds", _tables(worlds))
    errors = {task: _best(figures["worlds"]) for task, figures in worlds.items()}
    console.print("least error at 10 steps:", json.dumps(errors))


def _measure(args: WorldsArgs, console: Console) -> list[Row]:
    out = RUNS / (args.env + "-pixels" * args.pixels)
    if args.env in STEADY:
        learner = TrainArgs(args.env, real_steps=200)
        train(learner, out / "learner", console)
        args = replace(args, policy=str(out / "learner"))
    rows = evaluate_worlds(args, None, "cpu", out, console)
    if args.pixels:
        shutil.copy(out / "strip.png", STRIP)
    return rows


def _record(task: str, rows: list[Row]) -> dict[str, Any]:
    worlds = recorded("worlds")
    worlds[task] = {
        **provenance(),
        "args": asdict(TASKS[task]),
        "worlds": {row.world: asdict(row) for row in rows},
    }
    record("worlds", worlds)
    return worlds


def _tables(worlds: dict[str, Any]) -> str:
    """The leaderboards as Markdown."""
    parts = []
    for task in (task for task in TASKS if task in worlds):
        figures = worlds[task]
        pixels = figures["args"]["pixels"]
        head = headings(pixels)
        lines = [
            f"**{task}**, {figures['args']['real_steps']:,} real steps, {figures['date']}:",
            "",
        ]
        lines += [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
        rows = [Row.read(row) for row in figures["worlds"].values()]
        for row in sorted(rows, key=lambda row: row.judgement.error[10] or 0.0):
            lines.append(f"| {' | '.join(cells(row, pixels))} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _best(worlds: dict[str, Any]) -> float:
    return min(row["judgement"]["error"]["10"] for row in worlds.values())


if __name__ == "__main__":
    main()
