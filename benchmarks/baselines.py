# SPDX-License-Identifier: Apache-2.0
"""Real steps that Stable-Baselines3 needs, under the rule that our own runs are held to: the line to beat.

    make baselines
    python -m benchmarks.baselines --task Pendulum-v1

Per task, every algorithm that rl-baselines3-zoo would choose from flies seed 0; one that has spent twice what the best
so far needed is given up. The best then flies all seeds. Both sides are evaluated by benchmarks.schedule and judged by
`passes`. Each finished run is a row of benchmarks/results/learning/sb3.json: an interrupted benchmark goes on there,
and what was recorded once is reused. One thread: CPU seconds are seconds of one free core.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import gymnasium as gym
import numpy as np
import sb3_contrib
import stable_baselines3
import torch
from benchmarks.schedule import CEILING, SEEDS, THRESHOLDS, evaluations
from benchmarks.zoo import ZOO
from rich.console import Console
from stable_baselines3.common.base_class import BaseAlgorithm
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise, OrnsteinUhlenbeckActionNoise
from stable_baselines3.common.vec_env import VecEnv, VecNormalize

from plasma_trainer.data import derive
from plasma_trainer.envs import Act, make_plant
from plasma_trainer.pipelines.evaluate import Returns, passes
from plasma_trainer.pipelines.runs import write_json

RECORD = Path(__file__).parent / "results/learning/sb3.json"
NOISES = {"noise_std": NormalActionNoise, "ou_noise_std": OrnsteinUhlenbeckActionNoise}
Row = dict[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--task", action="append", choices=THRESHOLDS)
    asked = parser.parse_args().task or THRESHOLDS
    torch.set_num_threads(1)
    console = Console()
    for task in asked:
        pilots(task, console)
        for seed in range(SEEDS):
            run(task, best_of(task)["algorithm"], seed, CEILING, console)
        best = best_of(task)
        console.print(
            f"{task}: {best['algorithm']}, median of {SEEDS} seeds: {best['real_steps']:,.0f} real steps"
        )


def pilots(task: str, console: Console) -> None:
    """Seed 0 of every algorithm, as long as it may still become the best."""
    budget = CEILING
    for algorithm in ZOO[task]:
        row = run(task, algorithm, 0, budget, console)
        if row["solved"]:
            budget = min(budget, 2 * row["real_steps"])


def best_of(task: str) -> dict[str, Any] | None:
    """The algorithm that was quickest on seed 0 and the median of its seeds; None before anything was recorded.

    `reached`: most of its seeds got there. One that did not counts with the steps after which it was given up, which
    is less than it would need.
    """
    rows = [row for row in recorded() if row["task"] == task]
    first = {row["algorithm"]: row for row in rows if row["seed"] == 0}
    if not first:
        return None
    best = min(first, key=lambda name: (not first[name]["solved"], first[name]["real_steps"]))
    flown = [row for row in rows if row["algorithm"] == best]
    return {
        "algorithm": best,
        "real_steps": median(row["real_steps"] for row in flown),
        "reached": 2 * sum(row["solved"] for row in flown) > len(flown),
        "seeds": len(flown),
    }


def recorded() -> list[Row]:
    """What has been measured so far."""
    return json.loads(RECORD.read_text()) if RECORD.exists() else []


def run(task: str, algorithm: str, seed: int, budget: int, console: Console) -> Row:
    """One learning run, or the record of it."""
    key = {"task": task, "algorithm": algorithm, "seed": seed}
    for row in recorded():
        if key.items() <= row.items():
            return row
    begun = time.process_time()
    learning = _Learning(task, seed, budget)
    with console.status(f"{task}, {algorithm}, seed {seed}"):
        _train(task, algorithm, seed, budget, learning)
    assert learning.returns is not None
    row = key | {
        "solved": learning.solved,
        "real_steps": learning.evaluated,
        "budget": budget,
        "return": vars(learning.returns),
        "cpu_seconds": round(time.process_time() - begun, 1),
        "stable_baselines3": stable_baselines3.__version__,
    }
    write_json(RECORD, [*recorded(), row])
    ended = "solved after" if row["solved"] else "given up after"
    console.print(f"{task}, {algorithm}, seed {seed}: {ended} {row['real_steps']:,} real steps")
    return row


class _Learning(BaseCallback):
    """Stops at the first evaluation that is confirmed, or when the budget is spent."""

    def __init__(self, task: str, seed: int, budget: int) -> None:
        super().__init__()
        self.task, self.seed, self.budget = task, seed, budget
        self.plant = make_plant(task)
        self.due = evaluations()
        self.next_due = next(self.due)
        self.evaluated, self.solved = 0, False
        self.returns: Returns | None = None

    def _on_step(self) -> bool:
        steps = self.num_timesteps
        if steps < self.next_due and steps < self.budget:
            return True
        while self.next_due <= steps:
            self.next_due = next(self.due)
        act = _greedy(self.model, self.training_env)
        seed = derive(self.seed, "baseline", steps)
        self.solved, self.returns = passes(self.plant, act, THRESHOLDS[self.task], seed)
        self.evaluated = steps
        return not self.solved and steps < self.budget


def _greedy(agent: BaseAlgorithm, envs: VecEnv) -> Act:
    """What the agent would do without exploring, from observations as the plant gives them."""
    normal = envs.normalize_obs if isinstance(envs, VecNormalize) else lambda obs: obs
    return lambda obs: agent.predict(normal(obs), deterministic=True)[0]


def _train(task: str, algorithm: str, seed: int, budget: int, callback: BaseCallback) -> None:
    settings = dict(ZOO[task][algorithm])
    envs: VecEnv = make_vec_env(task, n_envs=settings.pop("n_envs", 1), seed=seed)
    if settings.pop("normalize", False):
        envs = VecNormalize(envs, gamma=settings.get("gamma", 0.99))
    total = settings.pop("n_timesteps")
    for name in ("learning_rate", "clip_range"):
        if isinstance(settings.get(name), str):
            settings[name] = _linear(settings[name])
    for name, noise in NOISES.items():
        if name in settings:
            size = gym.spaces.flatdim(envs.action_space)
            settings["action_noise"] = noise(np.zeros(size), np.full(size, settings.pop(name)))
    kind = getattr(stable_baselines3, algorithm, None) or getattr(sb3_contrib, algorithm)
    agent = kind("MlpPolicy", envs, seed=seed, device="cpu", **settings)
    agent.learn(total, callback=callback)
    envs.close()


def _linear(setting: str) -> Callable[[float], float]:
    """ "lin_0.2", as the zoo writes it: falls to 0 over the run."""
    first = float(setting.removeprefix("lin_"))
    return lambda left: left * first


if __name__ == "__main__":
    main()
