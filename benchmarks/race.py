# SPDX-License-Identifier: Apache-2.0
"""Our runs on some tasks, seed by seed, beside the best of Stable-Baselines3 (benchmarks/baselines.py).

Every task with the defaults of `plasma-train solve`. Solved: ten episodes look promising and the lower 95 % bound of
fifty fresh ones confirms it (`passes`), at an evaluation of benchmarks.schedule. A seed that did not get there counts
at its budget, one of a baseline where it was given up; medians over all seeds. Each finished run is kept in
benchmarks/results/learning/latest.json under its part; an interrupted race goes on there. One thread: CPU seconds are
seconds of one free core.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import geometric_mean, median
from typing import Any

import torch
from benchmarks.baselines import best_of
from benchmarks.record import provenance, record, recorded, write_tables
from benchmarks.schedule import SEEDS, THRESHOLDS
from rich.console import Console

from plasma_trainer.pipelines.train import TrainArgs, train

ENOUGH = 4  # seeds of SEEDS that have to get there
Run = dict[str, Any]


@dataclass(frozen=True)
class Race:
    """A part of the results: tasks with their budgets of real steps. `prepare` runs before each, where it runs."""

    part: str
    budgets: dict[str, int]
    prepare: Callable[[], None] | None = None

    def main(self, about: str) -> None:
        """Run what is missing of what the command line asks for."""
        parser = argparse.ArgumentParser(description=about.splitlines()[0])
        parser.add_argument("--task", action="append", choices=self.budgets)
        parser.add_argument("--seed", action="append", type=int)
        args = parser.parse_args()
        console = Console()
        for task in args.task or self.budgets:
            for seed in args.seed or range(SEEDS):
                if not any(run["seed"] == seed for run in self.runs(task)):
                    console.rule(f"{task}, seed {seed}")
                    self._keep(task, _apart(task, seed, self.budgets[task], self.prepare))
        self.compare()
        console.print(self.lines()[-1])

    def runs(self, task: str) -> list[Run]:
        """What has been run of `task`."""
        return list(recorded(self.part).get("tasks", {}).get(task, {}).get("runs", []))

    def compare(self) -> None:
        """Hold everything that was run against the baselines as they stand, and write the table."""
        tasks = {task: _compared(task, runs) for task in self.budgets if (runs := self.runs(task))}
        ratios = [row["ratio"] for row in tasks.values() if row["solved"] and row["ratio"]]
        mean = geometric_mean(ratios) if len(ratios) == len(self.budgets) else None
        record(self.part, {"tasks": tasks, "ratio_geo_mean": mean})
        write_tables(self.part, "\n".join(self.lines()))

    def lines(self) -> list[str]:
        """The table as Markdown; its last line is the geometric mean."""
        figures = recorded(self.part)
        mean = figures.get("ratio_geo_mean")
        words = f"{mean:.1f}×" if mean else "not all tasks solved by four seeds yet"
        return [
            "| task | return | real steps, per seed | median | SB3's best | its steps | ratio | CPU s | MiB |",
            "|---|--:|---|--:|---|--:|--:|--:|--:|",
            *(_line(task, row) for task, row in figures.get("tasks", {}).items()),
            "",
            f"Geometric mean: {words}. A dash marks a seed whose budget did not suffice.",
        ]

    def _keep(self, task: str, run: Run) -> None:
        part = recorded(self.part)
        tasks = part.setdefault("tasks", {})
        runs = sorted([*self.runs(task), run], key=lambda run: run["seed"])
        tasks[task] = {"runs": runs}
        record(self.part, part)
        self.compare()


def measure(task: str, seed: int, budget: int, prepare: Callable[[], None] | None) -> Run:
    """One run: how it ended, and what it cost this process."""
    torch.set_num_threads(1)
    if prepare:
        prepare()
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
        args = TrainArgs(task, seed, budget, threshold=THRESHOLDS[task])
        result = train(args, Path(scratch) / "run", Console())
    return {
        "seed": seed,
        "solved": result.solved,
        "real_steps": result.real_steps,
        "return": asdict(result.returns),
        "cpu_seconds": round(time.process_time() - begun, 1),
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        **provenance(),
    }


def _apart(task: str, seed: int, budget: int, prepare: Callable[[], None] | None) -> Run:
    """In a process of its own, whose memory is that of one run."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, task, seed, budget, prepare).result()


def _compared(task: str, runs: list[Run]) -> dict[str, Any]:
    ours = median(run["real_steps"] for run in runs)
    theirs = best_of(task)
    return {
        "runs": runs,
        "threshold": THRESHOLDS[task],
        "solved": sum(run["solved"] for run in runs) >= ENOUGH,
        "real_steps": ours,
        "sb3": theirs,
        "ratio": theirs["real_steps"] / ours if theirs else None,
    }


def _line(task: str, row: dict[str, Any]) -> str:
    steps = [f"{run['real_steps']:,}{'' if run['solved'] else ' –'}" for run in row["runs"]]
    cpu, memory = (median(run[name] for run in row["runs"]) for name in ("cpu_seconds", "peak_mib"))
    return (
        f"| {task} | {row['threshold']:g} | {', '.join(steps)} | {row['real_steps']:,.0f} "
        f"| {_baseline(row)} | {cpu:.0f} | {memory:.0f} |"
    )


def _baseline(row: dict[str, Any]) -> str:
    """Three cells: algorithm, its steps, the ratio."""
    sb3 = row["sb3"]
    if sb3 is None:
        return "not measured | | "
    steps = f"{'' if sb3['reached'] else 'not by '}{sb3['real_steps']:,.0f}"
    if sb3["seeds"] < SEEDS:
        steps += f" ({sb3['seeds']} of {SEEDS} seeds yet)"
    return f"{sb3['algorithm']} | {steps} | {row['ratio']:.1f}×"
