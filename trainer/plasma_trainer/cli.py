# SPDX-License-Identifier: Apache-2.0
"""plasma-train: learn, adapt, audit, evaluate, rank, export; judge world models; serve, worker, token."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import torch
import typer
from rich.console import Console

from plasma_trainer.audit import Limit
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import adapt as adapting
from plasma_trainer.pipelines import audit as auditing
from plasma_trainer.pipelines import bench_audit as examining
from plasma_trainer.pipelines import distil as distilling
from plasma_trainer.pipelines import evaluate as evaluating
from plasma_trainer.pipelines import evaluate_world as judging
from plasma_trainer.pipelines import export as exporting
from plasma_trainer.pipelines import imagine as imagining
from plasma_trainer.pipelines import ladder as climbing
from plasma_trainer.pipelines import offline, pixels
from plasma_trainer.pipelines import plan as planning
from plasma_trainer.pipelines import solve as solving
from plasma_trainer.pipelines import solve_pixels as seeing
from plasma_trainer.pipelines import train as training
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.policies import greedy_act
from plasma_trainer.server.cli import commands as serving
from plasma_trainer.skills_cli import commands as combining
from plasma_trainer.verbs import Out, Seed, console, errors, report

app = typer.Typer(
    help="Learn a world model from a few real steps; train, adapt and audit policies inside it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(serving)
app.add_typer(combining)

RunDir = Annotated[Path, typer.Argument(help="Directory of a finished run.")]
Threshold = Annotated[float | None, typer.Option(help="Return to reach; default: the task's own.")]
Steps = Annotated[int, typer.Option(min=1, help="Budget of real steps.")]
Block = Annotated[int, typer.Option(min=2, help="Real steps per round.")]
Iterations = Annotated[int, typer.Option(min=1, help="Iterations of imagination per round.")]
Method = Annotated[
    Literal["cem", "mppi", "beam", "mcts"], typer.Option(help="Trees need discrete actions.")
]
Limits = Annotated[
    list[str] | None,
    typer.Option(help="ENTRY:LOW:HIGH, a range an observation's entry must keep; repeatable."),
]
Discount = Annotated[
    float | None,
    typer.Option(min=0.0, max=0.9999, help="Default: by the length of an episode."),
]


def main() -> None:
    """All verbs. One thread: results do not depend on the number of cores."""
    torch.set_num_threads(1)
    app()


@app.command()
def train(
    env: Annotated[str, typer.Option(help="Gymnasium environment id.")],
    out: Out,
    seed: Seed = 0,
    real_steps: Steps = 1000,
    block_steps: Block = 200,
    iterations: Iterations = training.ITERATIONS,
    discount: Discount = None,
    threshold: Threshold = None,
) -> None:
    """Train a policy in imagination only. Exit status 3 when the budget ran out before the goal."""
    args = training.TrainArgs(env, seed, real_steps, block_steps, iterations, discount, threshold)
    with errors():
        report(training.train(args, out, console))


@app.command()
def solve(
    out: Out,
    env: Annotated[str | None, typer.Option(help="Gymnasium environment id.")] = None,
    from_minari: Annotated[
        str | None, typer.Option(help="Learn from this local dataset instead; no real steps.")
    ] = None,
    key: Annotated[
        Path | None, typer.Option(help="Private key (PEM); default: one made in the directory.")
    ] = None,
    seed: Seed = 0,
    real_steps: Steps = 1000,
    block_steps: Block = 200,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="Of imagination: per round 40, from a log 100.")
    ] = None,
    discount: Discount = None,
    threshold: Threshold = None,
) -> None:
    """Train, audit, compile, sign and fly: from an id to a packet. Exit status 3 without a packet."""
    with errors():
        if (env is None) == (from_minari is None):
            raise UsageError("pass --env ID, or --from-minari DATASET, one of them")
        if from_minari is not None:
            log = offline.OfflineArgs(from_minari, seed, iterations or 100, discount)
            solution = solving.solve_log(log, key, out, console)
        else:
            args = training.TrainArgs(
                env,
                seed,
                real_steps,
                block_steps,
                iterations or training.ITERATIONS,
                discount,
                threshold,
            )
            solution = solving.solve(args, key, out, console)
    console.print(solution.table)
    if solution.packet is None:
        raise typer.Exit(3)


@app.command()
def solve_pixels(
    env: Annotated[str, typer.Option(help="Gymnasium environment id; it must render.")],
    out: Out,
    threshold: Annotated[float, typer.Option(help="Return to reach.")],
    key: Annotated[
        Path | None, typer.Option(help="Private key (PEM); default: one made in the directory.")
    ] = None,
    seed: Seed = 0,
    real_steps: Steps = 20_000,
    discount: Discount = 0.97,
) -> None:
    """The same from 64x64 frames alone: an eye, a world of what it sees, a packet that takes frames."""
    args = pixels.PixelArgs(env, threshold, seed, real_steps, discount=discount)
    with errors():
        solution = seeing.solve_pixels(args, key, out, console)
    console.print(solution.table)
    if solution.packet is None:
        raise typer.Exit(3)


@app.command()
def adapt(
    base: RunDir,
    out: Out,
    variant: Annotated[
        str, typer.Option(help="What is wrong with the plant, e.g. reversed, motor=0.5+gravity=14.")
    ] = "reversed",
    seed: Seed = 0,
    real_steps: Steps = 400,
    block_steps: Block = 200,
    iterations: Iterations = 20,
    threshold: Annotated[
        float | None, typer.Option(help="Return to reach; default: 95 % of what the base lost.")
    ] = None,
    rank: Annotated[str, typer.Option(help="Of the adapter; auto: the least that will do.")] = "8",
    alpha: Annotated[float, typer.Option(min=0.01, help="Its strength is alpha / rank.")] = 16.0,
    target: Annotated[
        list[str] | None, typer.Option(help="Layer to adapt, repeatable; default: all of them.")
    ] = None,
    dropout: Annotated[float, typer.Option(min=0.0, max=0.9, help="While it learns.")] = 0.0,
) -> None:
    """Learn a LoRA adapter for a broken plant; the base stays frozen. Exit status 3 as for train."""
    lora = (_rank(rank), alpha, tuple(target or ()), dropout)
    budget = (real_steps, block_steps, iterations, threshold)
    args = adapting.AdaptArgs(str(base.resolve()), variant, seed, *budget, *lora)
    with errors():
        report(adapting.adapt(args, out, console))


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
def evaluate_world(
    env: Annotated[str, typer.Option(help="Gymnasium environment id.")],
    out: Out,
    pixels: Annotated[bool, typer.Option(help="Observe 64x64 frames only.")] = False,
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
    args = judging.WorldsArgs(env, pixels, run, seed, real_steps, updates, batch, length)
    names = tuple(worlds.split(",")) if worlds else None
    with errors():
        rows = judging.evaluate_worlds(args, names, device, out, console)
    wide = Console(width=max(console.width, 140))  # the table is not cut where output is a file
    wide.print(judging.table(f"{env}, {real_steps} real steps", rows))


@app.command()
def export(
    run: RunDir,
    key: Annotated[Path, typer.Option(help="Private key (PEM), see plasma-pack keygen.")],
    out: Annotated[Path, typer.Option(help="The packet to write.")],
    base: Annotated[Path | None, typer.Option(help="Packet of the base, for an adapter.")] = None,
) -> None:
    """Compile a finished run to int8 and sign it; its audit, if there is one, is signed with it."""
    with errors():
        skill, section = load_skill(run), auditing.read_section(run)
        if base is None:
            exporting.export_base(skill, key, out, section)
        else:
            exporting.export_adapter(skill, base, key, out, section)
    verdict = section["verdict"] if section else "none"
    console.print(f"{out}: {out.stat().st_size} bytes, audit {verdict}")


@app.command()
def demo(
    out: Out,
    what: Annotated[
        Literal["motor", "pixels", "cheat", "heal"], typer.Argument(help="Which one.")
    ] = "motor",
    seed: Seed = 0,
    env: Annotated[str, typer.Option(help="heal: the task.")] = "CartPole-v1",
    variant: Annotated[
        list[str] | None, typer.Option(help="heal: a broken plant, repeatable; default: four.")
    ] = None,
) -> None:
    """The motor is wired backwards: learn, sign, fly, break, heal in mid-stride; ends in a table and a page.

    pixels: the pendulum seen through a camera, solve-pixels for Pendulum-v1 and -250.
    cheat: the dream says solved, the gate says no, and the loop goes where it objected until it passes.
    heal: a gallery of broken plants, each filmed before and after its adapter.
    """
    if what == "pixels":
        solve_pixels("Pendulum-v1", out, threshold=-250.0, seed=seed)
        return
    from plasma_trainer import demo  # brings matplotlib

    with errors():
        if what == "cheat":
            demo.run_cheat(demo.CheatArgs(seed), out, console)
        elif what == "heal":
            demo.run_heal(demo.HealArgs(env, tuple(variant or ()), seed), out, console)
        else:
            demo.run_demo(demo.DemoArgs(seed), out, console)


def _rank(text: str) -> int | None:
    """`auto` is None."""
    if text == "auto":
        return None
    if not (text.isdecimal() and 1 <= int(text) <= exporting.MAX_RANK):
        raise typer.BadParameter(f"found {text}, expected auto or 1 to {exporting.MAX_RANK}")
    return int(text)
