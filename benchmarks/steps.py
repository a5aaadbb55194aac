# SPDX-License-Identifier: Apache-2.0
"""Real steps until a task is solved, ours beside the best of Stable-Baselines3 (benchmarks/baselines.py).

Every task with the defaults of `plasma-train solve`.

    make results ONLY=steps
    python -m benchmarks.steps --task Pendulum-v1 --seed 3

Solved: ten episodes look promising and the lower 95 % bound of fifty fresh ones confirms it (`passes`), at an
evaluation of benchmarks.schedule. A seed that did not get there counts at its budget, a baseline at the ceiling;
medians over all seeds. Each finished run is kept under `steps` of benchmarks/results/learning/latest.json; an
interrupted benchmark goes on there. One thread: CPU seconds are seconds of one free core.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict
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

BUDGETS = {
    "CartPole-v1": 2000,
    "Pendulum-v1": 2000,
    "InvertedPendulum-v5": 2000,
    "Acrobot-v1": 4000,
    "Reacher-v5": 4000,
    "LunarLander-v3": 20_000,
}
ENOUGH = 4  # seeds of SEEDS that have to get there


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", choices=BUDGETS)
    parser.add_argument("--seed", action="append", type=int)
    args = parser.parse_args()
    console = Console()
    for task in args.task or BUDGETS:
        for seed in args.seed or range(SEEDS):
            if not any(run["seed"] == seed for run in _runs(task)):
                console.rule(f"{task}, seed {seed}")
                _keep(task, _apart(task, seed))
    console.print(_lines()[-1])


def measure(task: str, seed: int) -> dict[str, Any]:
    """One run: how it ended, and what it cost this process."""
    torch.set_num_threads(1)
    args = TrainArgs(task, seed, BUDGETS[task], threshold=THRESHOLDS[task])
    begun = time.process_time()
    with tempfile.TemporaryDirectory() as scratch:
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


def _apart(task: str, seed: int) -> dict[str, Any]:
    """In a process of its own, whose memory is that of one run."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(measure, task, seed).result()


def _runs(task: str) -> list[dict[str, Any]]:
    return list(recorded("steps").get("tasks", {}).get(task, {}).get("runs", []))


def _keep(task: str, run: dict[str, Any]) -> None:
    """Add a run, and everything that follows from it."""
    tasks = recorded("steps").get("tasks", {})
    runs = sorted([*_runs(task), run], key=lambda run: run["seed"])
    tasks[task] = {"runs": runs} | _compared(task, runs)
    ratios = [row["ratio"] for row in tasks.values() if row["solved"] and row["ratio"]]
    mean = geometric_mean(ratios) if len(ratios) == len(BUDGETS) else None
    record("steps", {"tasks": tasks, "ratio_geo_mean": mean})
    write_tables("steps", "\n".join(_lines()))


def _compared(task: str, runs: list[dict[str, Any]]) -> dict[str, Any]:
    ours = median(run["real_steps"] for run in runs)
    theirs = best_of(task)
    return {
        "threshold": THRESHOLDS[task],
        "solved": sum(run["solved"] for run in runs) >= ENOUGH,
        "real_steps": ours,
        "sb3": theirs,
        "ratio": theirs["real_steps"] / ours if theirs else None,
    }


def _lines() -> list[str]:
    """The table as Markdown; its last line is the geometric mean."""
    figures = recorded("steps")
    lines = [
        "| task | return | real steps, per seed | median | SB3's best | its steps | ratio | CPU s |",
        "|---|--:|---|--:|---|--:|--:|--:|",
    ]
    for task in (task for task in BUDGETS if task in figures.get("tasks", {})):
        row = figures["tasks"][task]
        steps = [
            f"{r['real_steps']:,}" + "" * r["solved"] + " –" * (not r["solved"])
            for r in row["runs"]
        ]
        lines.append(
            f"| {task} | {row['threshold']:g} | {', '.join(steps)} | {row['real_steps']:,.0f} "
            f"| {_baseline(row)} | {median(r['cpu_seconds'] for r in row['runs']):.0f} |"
        )
    mean = figures.get("ratio_geo_mean")
    words = f"{mean:.1f}×" if mean else "not all tasks solved yet"
    return [
        *lines,
        "",
        f"Geometric mean: {words}. A dash marks a seed whose budget did not suffice.",
    ]


def _baseline(row: dict[str, Any]) -> str:
    """Three cells: algorithm, its steps, the ratio."""
    sb3 = row["sb3"]
    if sb3 is None:
        return "not measured | | "
    steps = f"{'' if sb3['reached'] else 'not by '}{sb3['real_steps']:,.0f}"
    return f"{sb3['algorithm']} | {steps} | {row['ratio']:.1f}×"


if __name__ == "__main__":
    main()
