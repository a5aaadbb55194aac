# SPDX-License-Identifier: Apache-2.0
"""plasma-train audit, bench-audit, evaluate, ladder, evaluate-world, errors: how good is it, and who says so?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from plasma_trainer.audit import Limit
from plasma_trainer.cli.common import Limits, Out, RunDir, Seed, Steps, console, errors
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import audit as auditing
from plasma_trainer.pipelines import bench_audit as examining
from plasma_trainer.pipelines import errors as foretelling
from plasma_trainer.pipelines import evaluate as evaluating
from plasma_trainer.pipelines import evaluate_world as judging
from plasma_trainer.pipelines import ladder as climbing
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.policies import greedy_act

commands = typer.Typer()


@commands.command()
def audit(
    run: RunDir,
    canary: Annotated[bool, typer.Option(help="Fly a few real episodes; they decide.")] = True,
    limit: Limits = None,
    seed: Seed = 0,
) -> None:
    """Did the policy learn the task, or the mistakes of its world? Exit status 3 when it failed."""
    with errors():
        limits = [Limit.of(text) for text in limit or ()]
        report = auditing.audit(load_skill(run), run, canary, seed, limits)
    console.print_json(data=report.as_dict())
    if report.verdict == "failed":
        raise typer.Exit(3)


@commands.command()
def bench_audit(
    out: Out,
    family: Annotated[
        list[str] | None, typer.Option(help="Of the four tasks, repeatable; default: all.")
    ] = None,
    seed: Seed = examining.HELD_OUT,
) -> None:
    """Judge the audit itself, on pools of honest policies and of such as exploited their worlds. Hours."""
    families = tuple(family or examining.FAMILIES)
    with errors():
        if unknown := sorted(set(families) - set(examining.FAMILIES)):
            raise UsageError(f"found {unknown}; expected some of {', '.join(examining.FAMILIES)}")
        exams = examining.bench_audit(families, seed, out, console)
    wide = Console(width=max(console.width, 140))  # the table is not cut where output is a file
    for title, part in (("natural", examining.natural), ("planted", examining.planted)):
        wide.print(examining.table(f"{title} exploits", examining.grades_of(part(exams))))


@commands.command()
def evaluate(
    run: RunDir,
    packet: Annotated[Path | None, typer.Option(help="Fly this packet beside the policy.")] = None,
    adapter: Annotated[Path | None, typer.Option(help="With this adapter attached to it.")] = None,
    trust: Annotated[Path | None, typer.Option(help="Public key that signed them.")] = None,
    variant: Annotated[str | None, typer.Option(help="Plant; default: the run's own.")] = None,
    episodes: Annotated[int, typer.Option(min=2)] = 20,
    seed: Seed = 0,
) -> None:
    """Closed-loop returns over fresh episodes, torch and packet side by side."""
    with errors():
        skill = load_skill(run)
        acts = {"torch": greedy_act(skill.learner.policy)}
        if packet is not None:
            acts["packet"] = evaluating.load_packet(packet, adapter, trust)
        for name, act in acts.items():
            plant = variant or skill.variant
            returns = evaluating.evaluate(skill.env, plant, act, episodes, seed)
            console.print(f"{name}: return {returns}")


@commands.command()
def ladder(
    runs: Annotated[list[Path], typer.Argument(help="Directories of finished runs, two or more.")],
    db: Annotated[Path, typer.Option(help="SQLite file that keeps every episode.")],
    variant: Annotated[str | None, typer.Option(help="Plant; default: the runs' own.")] = None,
    episodes: Annotated[int, typer.Option(min=4, help="Of each run, from the same seeds.")] = 30,
    seed: Seed = 0,
) -> None:
    """Rank policies by real episodes, with intervals; says when imagination ranks them otherwise."""
    with errors():
        climbed = climbing.ladder(runs, db, variant, episodes, seed, console)
    wide = Console(width=max(console.width, 120))  # names are not cut where output is a file
    wide.print(climbed.table, climbed.summary)


@commands.command()
def evaluate_world(
    env: Annotated[str, typer.Option(help="Gymnasium environment id.")],
    out: Out,
    pixels: Annotated[bool, typer.Option(help="Observe frames only.")] = False,
    size: Annotated[int, typer.Option(min=16, help="Of frames, pixels a side.")] = 64,
    worlds: Annotated[str | None, typer.Option(help="Comma-separated; default: all.")] = None,
    policy: Annotated[
        Path | None, typer.Option(help="Run whose policy takes half the steps.")
    ] = None,
    real_steps: Steps = 10_000,
    updates: Annotated[int, typer.Option(min=1, help="Of each world, at most.")] = 3000,
    batch: Annotated[int, typer.Option(min=1, help="Stretches in a batch.")] = 16,
    length: Annotated[int, typer.Option(min=2, help="Steps in a stretch.")] = 32,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    seed: Seed = 0,
) -> None:
    """Fit world models to the same real episodes, and judge them on others: one table."""
    run = None if policy is None else str(policy.resolve())
    args = judging.WorldsArgs(env, pixels, run, seed, real_steps, updates, batch, length, size)
    names = tuple(worlds.split(",")) if worlds else None
    with errors():
        rows = judging.evaluate_worlds(args, names, device, out, console)
    wide = Console(width=max(console.width, 200))  # the table is not cut where output is a file
    wide.print(judging.table(f"{env}, {real_steps} real steps", rows))


@commands.command(name="errors")
def errors_of(
    run: Annotated[Path, typer.Argument(help="Directory of a finished solve-pixels.")],
    out: Out,
    real_steps: Steps = 4000,
    updates: Annotated[int, typer.Option(min=1, help="Of the error predictor, at most.")] = 2000,
    seed: Seed = 0,
) -> None:
    """What a world of pixels gets wrong, and which defects of a camera that gives away."""
    args = foretelling.ErrorsArgs(str(run.resolve()), real_steps, updates, seed)
    with errors():
        found = foretelling.study(args, out, console)
    wide = Console(width=max(console.width, 120))  # the table is not cut where output is a file
    wide.print(found.table, f"{out / 'errors.png'}: what it looks like", sep="\n")
