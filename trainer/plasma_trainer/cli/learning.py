# SPDX-License-Identifier: Apache-2.0
"""plasma-train train, solve, solve-pixels, adapt: from an environment, a log or frames to a policy."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plasma_trainer.cli.common import Out, RunDir, Seed, Steps, console, errors, report
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import adapt as adapting
from plasma_trainer.pipelines import adapt_log as logging
from plasma_trainer.pipelines import export as exporting
from plasma_trainer.pipelines import offline, pixels
from plasma_trainer.pipelines import solve as solving
from plasma_trainer.pipelines import solve_pixels as seeing
from plasma_trainer.pipelines import train as training

commands = typer.Typer()

Threshold = Annotated[float | None, typer.Option(help="Return to reach; default: the task's own.")]
Block = Annotated[int, typer.Option(min=2, help="Real steps per round.")]
Iterations = Annotated[int, typer.Option(min=1, help="Iterations of imagination per round.")]
Discount = Annotated[
    float | None,
    typer.Option(min=0.0, max=0.9999, help="Default: by the length of an episode."),
]


@commands.command()
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


@commands.command()
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


@commands.command()
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


@commands.command()
def adapt(
    base: RunDir,
    out: Out,
    variant: Annotated[
        str | None,
        typer.Option(help="What is wrong with the plant, e.g. reversed, motor=0.5+gravity=14."),
    ] = None,
    from_minari: Annotated[
        str | None, typer.Option(help="Learn from this local dataset of it; no real steps.")
    ] = None,
    seed: Seed = 0,
    real_steps: Steps = 400,
    block_steps: Block = 200,
    iterations: Annotated[
        int | None, typer.Option(min=1, help="Of imagination: per round 20, from a log 100.")
    ] = None,
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
    run = str(base.resolve())
    with errors():
        if from_minari is not None:
            _adapt_from_log(run, from_minari, variant, seed, iterations or 100, lora, out)
        elif variant is not None:
            budget = (real_steps, block_steps, iterations or 20, threshold)
            args = adapting.AdaptArgs(run, variant, seed, *budget, *lora)
            report(adapting.adapt(args, out, console))
        else:
            raise UsageError("pass --variant SPEC, or --from-minari DATASET, or both")


def _adapt_from_log(
    base: str,
    log: str,
    variant: str | None,
    seed: int,
    iterations: int,
    lora: tuple[int | None, float, tuple[str, ...], float],
    out: Path,
) -> None:
    rank, *rest = lora
    if rank is None:
        raise UsageError("found --rank auto; it is found by flying, so pass a number with a log")
    args = logging.AdaptLogArgs(base, log, variant, seed, iterations, rank, *rest)
    found = logging.adapt_from_log(args, out, console)
    console.print(
        f"{found.logged_steps} logged steps; audited return {found.adapter:.1f}, the base's {found.base:.1f}"
    )


def _rank(text: str) -> int | None:
    """`auto` is None."""
    if text == "auto":
        return None
    if not (text.isdecimal() and 1 <= int(text) <= exporting.MAX_RANK):
        raise typer.BadParameter(f"found {text}, expected auto or 1 to {exporting.MAX_RANK}")
    return int(text)
