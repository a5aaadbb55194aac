# SPDX-License-Identifier: Apache-2.0
"""What the verbs of plasma-train share: where they print, how they fail, options that mean the same everywhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from plasma_edge import PlasmaError
from plasma_trainer.errors import TrainerError
from plasma_trainer.pipelines.rounds import Result

console = Console()

Out = Annotated[Path, typer.Option(help="Directory of the run; an interrupted run goes on there.")]
Seed = Annotated[int, typer.Option(help="Equal seeds give equal results on one machine.")]
RunDir = Annotated[Path, typer.Argument(help="Directory of a finished run.")]
Steps = Annotated[int, typer.Option(min=1, help="Budget of real steps.")]
Limits = Annotated[
    list[str] | None,
    typer.Option(help="ENTRY:LOW:HIGH, a range an observation's entry must keep; repeatable."),
]


@contextmanager
def errors() -> Iterator[None]:
    """One line and exit status 2 for what the caller can mend, 130 for Ctrl-C; a traceback for what we must mend."""
    try:
        yield
    except (TrainerError, PlasmaError) as error:
        Console(stderr=True).print(f"error: {error}", highlight=False, markup=False)
        raise typer.Exit(2) from error
    except KeyboardInterrupt as interrupt:
        Console(stderr=True).print("interrupted; the same command goes on where it was")
        raise typer.Exit(130) from interrupt


def report(result: Result) -> None:
    """One line about how a run ended; exit status 3 when it did not reach its goal."""
    outcome = "solved" if result.solved else "not solved"
    console.print(f"{outcome} with {result.real_steps} real steps: return {result.returns}")
    if not result.solved:
        raise typer.Exit(3)
