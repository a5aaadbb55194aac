# SPDX-License-Identifier: Apache-2.0
"""Real steps to threshold, per task and seed: train; then, where the task has a broken plant to offer, adapt to it.

    python benchmarks/learning_curves.py                      # all tasks, seeds 0 to 5
    python benchmarks/learning_curves.py --task Pendulum-v1 --seed 3

Each finished (task, seed) is one line of benchmarks/results/learning_curves.jsonl; an interrupted benchmark goes on
where it stopped. Remove the file to measure again. One thread: CPU seconds are wall seconds on one free core.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from plasma_trainer.pipelines.adapt import AdaptArgs, adapt
from plasma_trainer.pipelines.audit import audit
from plasma_trainer.pipelines.evaluate import evaluate, midstride
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train
from plasma_trainer.policies import greedy_act

RESULTS = Path(__file__).parent / "results" / "learning_curves.jsonl"
TASKS = {
    "CartPole-v1": {"real_steps": 1000},
    "Pendulum-v1": {"real_steps": 600, "threshold": -200.0, "discount": 0.97, "iterations": 60},
}
BREAKABLE = ("CartPole-v1",)
FLIP_TICK = 100
EPISODES = 20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", choices=TASKS)
    parser.add_argument("--seed", action="append", type=int)
    args = parser.parse_args()
    torch.set_num_threads(1)
    console = Console()
    lines = (
        [json.loads(line) for line in RESULTS.read_text().splitlines()] if RESULTS.exists() else []
    )
    done = {(line["task"], line["seed"]) for line in lines}
    for task in args.task or TASKS:
        for seed in args.seed or range(6):
            if (task, seed) in done:
                continue
            console.rule(f"{task}, seed {seed}")
            lines.append(measure(task, seed, console))
            RESULTS.parent.mkdir(exist_ok=True)
            with RESULTS.open("a") as file:
                file.write(json.dumps(lines[-1]) + "\n")
    console.print(table(lines))


def measure(task: str, seed: int, console: Console) -> dict[str, Any]:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as scratch:
        base = Path(scratch) / "base"
        begun = time.process_time()
        trained = train(TrainArgs(task, seed=seed, **TASKS[task]), base, console)
        line = {"task": task, "seed": seed, "cpu_seconds": time.process_time() - begun}
        line |= asdict(trained)
        line["audit"] = audit(load_skill(base), base, canary=True, seed=seed).as_dict()
        if task in BREAKABLE:
            line["adapter"] = measure_adapter(task, seed, base, console)
    return line


def measure_adapter(task: str, seed: int, base: Path, console: Console) -> dict[str, Any]:
    """Adaptation to the reversed motor, its returns there, and those of a flip in mid-flight."""
    out = base.with_name("adapter")
    begun = time.process_time()
    adapted = adapt(AdaptArgs(str(base), seed=seed), out, console)
    line = {"cpu_seconds": time.process_time() - begun} | asdict(adapted)
    acts = {
        on: greedy_act(load_skill(run).learner.policy) for on, run in ((False, base), (True, out))
    }
    line["audit"] = audit(load_skill(out), out, canary=True, seed=seed).as_dict()
    attached = False

    def flip(on: bool) -> None:
        nonlocal attached
        attached = on

    flown = midstride(task, lambda obs: acts[attached](obs), FLIP_TICK, flip, EPISODES, seed)
    control = midstride(task, acts[False], FLIP_TICK, lambda on: None, EPISODES, seed)
    broken = {
        name: evaluate(task, "reversed", acts[on], EPISODES, seed)
        for name, on in (("base", False), ("adapter", True))
    }
    returns = {"midstride": flown, "midstride_control": control} | broken
    return line | {"on_broken_plant": {name: asdict(value) for name, value in returns.items()}}


def table(lines: list[dict[str, Any]]) -> Table:
    """What was measured, for people."""
    result = Table(title="real steps to threshold, policy trained in imagination only")
    for column in (
        "task",
        "seed",
        "solved",
        "real steps",
        "CPU s",
        "return",
        "worst",
        "audit",
        "adapter: steps",
        "CPU s",
        "return",
        "midstride",
        "audit",
    ):
        result.add_column(column, justify="right")
    for line in sorted(lines, key=lambda line: (line["task"], line["seed"])):
        cells = [
            line["task"],
            line["seed"],
            line["solved"],
            line["real_steps"],
            f"{line['cpu_seconds']:.0f}",
        ]
        cells += [
            f"{line['returns']['mean']:.1f}",
            f"{line['returns']['worst']:.1f}",
            line["audit"]["verdict"],
        ]
        if "adapter" in line:
            adapter = line["adapter"]
            returns = adapter["on_broken_plant"]
            cells += [adapter["real_steps"], f"{adapter['cpu_seconds']:.0f}"]
            cells += [f"{returns[name]['mean']:.1f}" for name in ("adapter", "midstride")]
            cells += [adapter["audit"]["verdict"]]
        result.add_row(*map(str, cells))
    return result


if __name__ == "__main__":
    main()
