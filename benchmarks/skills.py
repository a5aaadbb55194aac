# SPDX-License-Identifier: Apache-2.0
"""Many skills on one base: what a merged adapter keeps of its specialists, and what a gate keeps of the right adapter
when the plant changes in mid-episode (docs/skills.md says how to read it).

    make results ONLY=skills

Bases and adapters are those of benchmarks/adapters.py, learnt here where they are not there yet. Figures are of signed
packets, and go to benchmarks/results/learning/latest.json under `skills`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from itertools import permutations
from pathlib import Path
from typing import Any

import numpy as np
import torch
from benchmarks.adapters import RUNS, signing_key
from benchmarks.record import provenance, record, recorded, write_tables
from rich.console import Console

import plasma_edge as pe
from plasma_trainer.data import derive
from plasma_trainer.envs import Act, Changing, fly
from plasma_trainer.pipelines.evaluate import Returns
from plasma_trainer.pipelines.export import export_adapter
from plasma_trainer.pipelines.gate import GateArgs, Packets, gate
from plasma_trainer.pipelines.heal import FLIGHTS, TASKS, Base, file_name, heal, train_base
from plasma_trainer.pipelines.merge import MergeArgs, merge
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.policies import METHODS

TASK = "CartPole-v1"
GATED = ("reversed", "length=4")  # no policy without a memory flies these and the plant as built
MERGED = ("length=4", "length=3")  # what mends these does not contradict itself
CHANGE = 150  # tick of 500
EPISODES = 10  # of each order of two plants


def main() -> None:
    torch.set_num_threads(1)
    console = Console()
    base = train_base(TASKS[TASK].train, RUNS / TASK / "base", signing_key(), console)
    for part, measure in {"gate": _gate, "merge": _merge}.items():
        figures = recorded("skills") | {part: {**provenance(), **measure(base, console)}}
        record("skills", figures)
        write_tables("skills", "\n".join(TABLES[name](figures[name]) for name in figures))


def _adapted(base: Base, variant: str, console: Console) -> tuple[Path, Path]:
    """The run and the packet of an adapter, as benchmarks/adapters.py leaves them."""
    run, packet = (
        RUNS / TASK / part for part in (f"{file_name(variant)}/run", f"{file_name(variant)}.plasma")
    )
    if not packet.exists():
        console.rule(f"{TASK}, {variant}")
        heal(base, variant, TASKS[TASK].adapt, run, packet, console)
    return run, packet


def _gate(base: Base, console: Console) -> dict[str, Any]:
    """Episodes that change from one plant to another, in every order: gated, rightly switched, never switched."""
    runs = tuple(str(_adapted(base, variant, console)[0]) for variant in GATED)
    made = gate(GateArgs(runs), base.key, RUNS / TASK / "gate", console)
    trust = base.key.with_suffix(".pub")
    robot = pe.Gated.load(made.base, made.adapters, made.gate, trust=trust)
    gated = _changing(robot, lambda tick, plant: robot.reset() if tick == 0 else None)
    policy, switch = _switched(made, trust)
    right = _changing(policy, lambda tick, plant: switch(plant))
    never = {}
    for fixed in ("nominal", *GATED):
        switch(fixed)
        never[fixed] = _changing(policy, lambda tick, plant: None).mean
    return {
        "plants": ["nominal", *GATED],
        "episodes": gated.episodes,
        "gate": gated.mean,
        "gate_low": gated.low,
        "right_adapter": right.mean,
        "kept": gated.mean / right.mean,
        "never_switched": never,
        "bytes": made.gate.stat().st_size,
        "step_us": robot.gate.stats.p50_us,
        "single_transitions_right": made.right,
    }


def _switched(made: Packets, trust: Path) -> tuple[pe.Policy, Callable[[str], None]]:
    """A policy with all adapters resident, and how to put on the one for a plant."""
    policy = pe.Policy.load(made.base, trust=trust)
    for variant, packet in zip(GATED, made.adapters, strict=True):
        policy.attach(packet, name=variant, gain=0.0)
    return policy, lambda plant: policy.set_gains({name: float(name == plant) for name in GATED})


def _changing(act: Act, on_change: Callable[[int, str], None]) -> Returns:
    """Returns under `act`; `on_change(tick, plant)` is told the plant at tick 0 and at CHANGE, before the action."""
    totals = []
    for order, (first, second) in enumerate(permutations(("nominal", *GATED), 2)):
        plants = {0: first, CHANGE: second}

        def told(tick: int, plants: dict[int, str] = plants) -> None:
            if tick in plants:
                on_change(tick, plants[tick])

        plant = Changing(TASK, plants)
        for index in range(EPISODES):
            seed = derive(FLIGHTS, "changing", order * EPISODES + index)
            totals.append(fly(plant, act, seed, told).total)
    return Returns.of(np.array(totals))


def _merge(base: Base, console: Console) -> dict[str, Any]:
    """Specialists on their plants, and one merged adapter on all of them, by every method."""
    adapted = {variant: _adapted(base, variant, console) for variant in MERGED}
    specialists = {v: base.flown(v, packet).mean for v, (_, packet) in adapted.items()}
    methods = {}
    for method in METHODS:
        out = RUNS / TASK / f"merged-{method}"
        shutil.rmtree(out, ignore_errors=True)
        merge(MergeArgs(tuple(str(run) for run, _ in adapted.values()), method), out, console)
        packet = out.with_suffix(".plasma")
        export_adapter(load_skill(out), base.packet, base.key, packet, None)
        returns = {variant: base.flown(variant, packet).mean for variant in MERGED}
        methods[method] = {
            "returns": returns,
            "kept": float(np.mean([*returns.values()]) / np.mean([*specialists.values()])),
            "bytes": packet.stat().st_size,
        }
    return {
        "base": {variant: base.flown(variant).mean for variant in MERGED},
        "specialists": specialists,
        "methods": methods,
    }


def _gate_table(gated: dict[str, Any]) -> str:
    plants = ", ".join(f"`{plant}`" for plant in gated["plants"])
    lines = [
        f"**{TASK}**, {gated['date']}: {gated['episodes']} episodes that change at tick {CHANGE} between {plants}, "
        "in every order:",
        "",
        "| who chooses the adapter | return |",
        "|---|--:|",
        *(
            f"| nobody, `{plant}`'s throughout | {mean:.1f} |"
            for plant, mean in gated["never_switched"].items()
        ),
        f"| somebody who knows | {gated['right_adapter']:.1f} |",
        f"| the gate, {gated['bytes']:,} bytes, {gated['step_us']:.1f} µs a tick | {gated['gate']:.1f}: "
        f"{gated['kept']:.1%} kept |",
    ]
    return "\n".join(lines) + "\n"


def _merge_table(merged: dict[str, Any]) -> str:
    plants = " | ".join(f"`{plant}`" for plant in merged["specialists"])
    lines = [
        f"**{TASK}**, {merged['date']}, packets:",
        "",
        f"| adapter | {plants} | kept | bytes |",
        f"|---|{'--:|' * (len(merged['specialists']) + 2)}",
        f"| none | {_means(merged['base'])} | – | – |",
        f"| each its own | {_means(merged['specialists'])} | – | – |",
        *(
            f"| merged, {method} | {_means(row['returns'])} | {row['kept']:.1%} | {row['bytes']:,} |"
            for method, row in merged["methods"].items()
        ),
    ]
    return "\n".join(lines) + "\n"


TABLES = {"gate": _gate_table, "merge": _merge_table}


def _means(returns: dict[str, float]) -> str:
    return " | ".join(f"{mean:.1f}" for mean in returns.values())


if __name__ == "__main__":
    main()
