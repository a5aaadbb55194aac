# SPDX-License-Identifier: Apache-2.0
"""Every world on the same real episodes, judged alike (docs/worlds.md says how to read it).

    make results ONLY=worlds
    python -m benchmarks.worlds --task CartPole-v1

Each finished task is written to benchmarks/results/learning/latest.json under `worlds`, and the tables of
docs/worlds.md are made from that. An interrupted benchmark goes on where it stopped; remove runs/worlds to measure
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

from plasma_trainer.envs import NAVIGATE_MAZE
from plasma_trainer.pipelines.evaluate_world import (
    Row,
    WorldsArgs,
    cells,
    evaluate_worlds,
    headings,
)
from plasma_trainer.pipelines.train import TrainArgs, train

RUNS = ROOT / "runs/worlds"

FRAMES: dict[str, Any] = {
    "pixels": True,
    "size": 32,
    "real_steps": 5000,
    "updates": 600,
    "batch": 8,
    "length": 16,
    "cooling": 0.5,
}
TASKS = {
    "CartPole-v1": WorldsArgs("CartPole-v1", real_steps=5000, updates=400),
    "Pendulum-v1": WorldsArgs("Pendulum-v1", real_steps=5000, updates=400),
    "Pendulum-v1 from 32×32 pixels": WorldsArgs("Pendulum-v1", **FRAMES),
    "NavigateMaze from 32×32 pixels": WorldsArgs(NAVIGATE_MAZE, **FRAMES),
}
STRIPS = {"Pendulum-v1": "worlds_of_pixels.png", NAVIGATE_MAZE: "worlds_of_the_maze.png"}
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
    out = RUNS / (args.env.replace("/", "-") + "-pixels" * args.pixels)
    if args.env in STEADY:
        learner = TrainArgs(args.env, real_steps=200)
        train(learner, out / "learner", console)
        args = replace(args, policy=str(out / "learner"))
    rows = evaluate_worlds(args, None, "cpu", out, console)
    if args.pixels:
        shutil.copy(out / "strip.png", RESULTS.with_name(STRIPS[args.env]))
    return rows


def _record(task: str, rows: list[Row]) -> dict[str, Any]:
    worlds = {name: figures for name, figures in recorded("worlds").items() if name in TASKS}
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
        rows = [Row.read(row) for row in figures["worlds"].values()]
        rows.sort(key=lambda row: row.judgement.error[10] or 0.0)
        lines += _lines([head, *(cells(row, pixels) for row in rows)])
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


def _lines(table: list[list[str]]) -> list[str]:
    """A table as Markdown; what only frames have goes into one of its own, or a page would not be wide enough."""
    width = len(headings(pixels=False))
    parts = [[row[:width] for row in table]]
    if len(table[0]) > width:
        parts.append([[row[0], *row[width:]] for row in table])
    lines = []
    for head, *rows in parts:
        lines += [f"| {' | '.join(head)} |", "|---|" + "--:|" * (len(head) - 1)]
        lines += [*(f"| {' | '.join(row)} |" for row in rows), ""]
    return lines[:-1]


def _best(worlds: dict[str, Any]) -> float:
    found = (row["judgement"]["error"]["10"] for row in worlds.values())
    return min(error for error in found if error is not None)  # reality errs by nothing


if __name__ == "__main__":
    main()
