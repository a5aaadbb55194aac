# SPDX-License-Identifier: Apache-2.0
"""What thinking before acting is worth where a policy is not finished, and what a pupil keeps of it (docs/planning.md
says how to read it).

    make results ONLY=planning

A school is a run whose imagination stopped early: a world that is good enough, and a policy that is not yet. On the
plant fly the policy, planners in its world by budget, and the greatest of them behind a gate; then the planner teaches
the policy (`plasma-train distil`), the pupil's signed packet flies, and the pupil with that planner. Everything goes to
benchmarks/results/learning/latest.json under `planning`; finished tasks are not measured again: remove runs/planning.
"""

from __future__ import annotations

import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.adapters import signing_key
from benchmarks.record import RESULTS, ROOT, provenance, record, recorded, write_tables
from rich.console import Console

from plasma_trainer.envs import Act
from plasma_trainer.imagination.planning import Budget
from plasma_trainer.pipelines.distil import DistilArgs, distil
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, evaluate, load_packet
from plasma_trainer.pipelines.export import export_base
from plasma_trainer.pipelines.foresight import planner_of
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.plan import draw, think
from plasma_trainer.pipelines.rounds import Result
from plasma_trainer.pipelines.runs import Run, write_json
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.pipelines.train import TrainArgs
from plasma_trainer.policies import greedy_act

RUNS = ROOT / "runs/planning"
METHOD = "cem"
PLANS = (8, 64)
DECISIONS = 6
EPISODES = 10  # of what plans, all from the same starts
TIMED = 50  # decisions
BLOCK_STEPS = 200
FLIGHTS = 2000  # seed of the episodes that packets are judged by


@dataclass(frozen=True)
class School:
    """A run that stops early: blocks of real steps, and iterations of imagination after the last."""

    blocks: int
    iterations: int


SCHOOLS = {
    "Pendulum-v1": School(2, 10),
    "CartPole-v1": School(1, 5),
    "InvertedPendulum-v5": School(2, 5),
}


def main() -> None:
    torch.set_num_threads(1)
    console = Console()
    for task, school in SCHOOLS.items():
        console.rule(task)
        tasks = recorded("planning").get("tasks", {})
        tasks[task] = _measure(task, school, console)
        record("planning", {"tasks": tasks})
        write_tables("planning", _table(tasks))


def _measure(task: str, school: School, console: Console) -> dict[str, Any]:
    """One task: who acts how well, and at what price."""
    out = RUNS / task
    row = out / "row.json"
    if not row.exists():
        skill = _schooled(task, school, out / "school")
        budgets = [Budget(plans=plans, decisions=DECISIONS, hold=1) for plans in PLANS]
        thoughts = think(skill, METHOD, budgets, EPISODES, 0, console)
        draw(thoughts, RESULTS.with_name(f"planning_{task}.png"))
        planner = planner_of(skill.learner, METHOD, budgets[-1], 0)
        start, data = skill.learner.world.start, skill.learner.data
        assert data is not None
        figures = {
            **provenance(),
            **asdict(school),
            "real_steps": len(data),
            "thoughts": [asdict(thought) for thought in thoughts],
            "planner_us": _us(
                lambda obs: planner.act(start(torch.from_numpy(obs)[None])), data.obs
            ),
            **_pupil(task, out, data.obs, budgets[-1], console),
        }
        write_json(row, figures)
    return dict(json.loads(row.read_text()))


def _schooled(task: str, school: School, out: Path) -> Skill:
    """The run of a school, as `plasma-train train` leaves one."""
    args = TrainArgs(task, real_steps=BLOCK_STEPS * school.blocks, block_steps=BLOCK_STEPS)
    run, learner = Run.begin(out, args), Learner.fresh(task, args.seed)
    for index in range(school.blocks):
        learner.live(BLOCK_STEPS, index)
        learner.learn_world(index)
    learner.imagine(school.iterations, school.blocks)
    flown = evaluate(task, "nominal", greedy_act(learner.policy), EPISODES, FLIGHTS)
    result = Result(False, args.real_steps, school.blocks, flown)
    run.save_round(0, {"learner": learner.state(), "result": asdict(result)})
    run.finish(result)
    return load_skill(out)


def _pupil(
    task: str, out: Path, obs: np.ndarray, budget: Budget, console: Console
) -> dict[str, Any]:
    """What the planner taught, as a signed packet over fresh episodes; and what planning is worth to who was taught."""
    key, packet, begun = signing_key(), out / "pupil.plasma", time.process_time()
    asked = DistilArgs(str(out / "school"), METHOD, PLANS[-1], DECISIONS)
    distilled = distil(asked, out / "pupil", console)
    seconds = time.process_time() - begun
    taught = load_skill(out / "pupil")
    export_base(taught, key, packet, None)
    act = load_packet(packet, None, key.with_suffix(".pub"))
    flown = evaluate(task, "nominal", act, CONFIRMING_EPISODES, FLIGHTS)
    return {
        "taught": [asdict(t) for t in think(taught, METHOD, [budget], EPISODES, 0, console)],
        "pupil": asdict(flown),
        "pupil_us": _us(act, obs),
        "pupil_bytes": packet.stat().st_size,
        "states": distilled.states,
        "distilling_cpu_seconds": round(seconds, 1),
    }


def _us(act: Act, obs: np.ndarray) -> float:
    """Median time of a decision, in µs, called from Python for real observations [N, O]."""
    times = []
    for each in obs[:TIMED]:
        begun = time.perf_counter_ns()
        act(each)
        times.append(time.perf_counter_ns() - begun)
    return float(np.median(times)) / 1000


def _table(tasks: dict[str, Any]) -> str:
    """A row for each task in two tables, as Markdown: what the planner teaches, and what a gate saves."""
    plans = ", ".join(f"{plans} plans" for plans in PLANS)
    return "\n".join(
        [
            f"| task | real steps | policy | {plans} | pupil's packet, at least | bytes "
            "| planner µs | packet µs | cheaper |",
            "|---|--:|--:|--:|--:|--:|--:|--:|--:|",
            *(_line(task, row) for task, row in tasks.items()),
            "",
            f"| task | policy | {PLANS[-1]} plans | gated, planned | pupil | {PLANS[-1]} plans | gated, planned |",
            "|---|--:|--:|--:|--:|--:|--:|",
            *(
                f"| {task} | {_gates(row['thoughts'])} | {_gates(row['taught'])} |"
                for task, row in tasks.items()
            ),
            "",
        ]
    )


def _line(task: str, row: dict[str, Any]) -> str:
    policy, *planners, _ = (_said(thought) for thought in row["thoughts"])
    pupil = row["pupil"]
    return (
        f"| {task} | {row['real_steps']} | {policy} | {', '.join(planners)} "
        f"| {pupil['mean']:.1f}, {pupil['low']:.1f} | {row['pupil_bytes']:,} | {row['planner_us']:,.0f} "
        f"| {row['pupil_us']:.2f} | {row['planner_us'] / row['pupil_us']:,.0f}× |"
    )


def _gates(thoughts: list[dict[str, Any]]) -> str:
    """Three cells: who does not plan, who always does, and who is told when."""
    return f"{_said(thoughts[0])} | {_said(thoughts[-2])} | {_said(thoughts[-1])}, {thoughts[-1]['planned']:.0%}"


def _said(thought: dict[str, Any]) -> str:
    return f"{thought['returns']['mean']:.1f}"


if __name__ == "__main__":
    main()
