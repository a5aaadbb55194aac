# SPDX-License-Identifier: Apache-2.0
"""plasma-train imagine, plan, distil: what a world model is good for besides training in it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from plasma_trainer.audit import Limit
from plasma_trainer.cli.common import Limits, Out, RunDir, Seed, console, errors
from plasma_trainer.pipelines import distil as distilling
from plasma_trainer.pipelines import imagine as imagining
from plasma_trainer.pipelines import plan as planning
from plasma_trainer.pipelines.skills import load_skill

commands = typer.Typer()

Method = Annotated[
    Literal["cem", "mppi", "beam", "mcts"], typer.Option(help="Trees need discrete actions.")
]


@commands.command()
def imagine(
    run: RunDir,
    paths: Annotated[int, typer.Option(min=1, help="Phantom paths.")] = 64,
    horizon: Annotated[int, typer.Option(min=1, help="Steps of each, at most.")] = 200,
    temperature: Annotated[float, typer.Option(min=0.0, help="Above 1: wilder.")] = 1.0,
    to_minari: Annotated[
        str | None, typer.Option(help="Keep what was not flagged as this local dataset.")
    ] = None,
    seed: Seed = 0,
) -> None:
    """Phantom paths of a run's policy: imagined returns, and how much of them rests on nothing."""
    with errors():
        skill = load_skill(run)
        audited = imagining.imagine(skill, paths, horizon, temperature, seed)
        console.print(audited.table)
        if to_minari is not None:
            kept = imagining.save(skill, audited, to_minari)
            console.print(f"{kept} episodes kept as {to_minari}")


@commands.command()
def plan(
    run: RunDir,
    out: Annotated[Path, typer.Option(help="Picture to write, return against compute (PNG).")],
    method: Method = "cem",
    plans: Annotated[
        list[int] | None, typer.Option(min=1, help="Of a budget, repeatable; default: 16, 64, 256.")
    ] = None,
    horizon: Annotated[int, typer.Option(min=1, help="Decisions of a plan.")] = 6,
    hold: Annotated[int, typer.Option(min=1, help="Steps of a decision.")] = 1,
    limit: Limits = None,
    episodes: Annotated[int, typer.Option(min=2, help="Of each, from the same seeds.")] = 20,
    seed: Seed = 0,
) -> None:
    """What thinking before acting is worth, and what it costs; PLASMA_PLAN_ROUNDS and others bound it, too."""
    with errors():
        budgets = [
            planning.Budget.of_environment(plans=n, decisions=horizon, hold=hold)
            for n in sorted(plans or (16, 64, 256))
        ]
        limits = [Limit.of(text) for text in limit or ()]
        thoughts = planning.think(load_skill(run), method, budgets, episodes, seed, console, limits)
        planning.draw(thoughts, out)
    console.print(planning.table(thoughts))


@commands.command()
def distil(
    run: RunDir,
    out: Out,
    method: Method = "cem",
    plans: Annotated[int, typer.Option(min=1, help="The planner's budget.")] = 64,
    horizon: Annotated[int, typer.Option(min=1, help="Decisions of a plan.")] = 6,
    hold: Annotated[int, typer.Option(min=1, help="Steps of a decision.")] = 1,
    rounds: Annotated[int, typer.Option(min=1, help="Of asking the planner, 640 states each.")] = 8,
    seed: Seed = 0,
) -> None:
    """Teach a run's policy what a planner would do, in imagination only; audit and export the result as usual."""
    args = distilling.DistilArgs(str(run.resolve()), method, plans, horizon, hold, rounds, seed)
    with errors():
        result = distilling.distil(args, out, console)
    console.print(f"before: return {result.before}\nafter:  return {result.after}")
