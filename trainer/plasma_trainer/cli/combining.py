# SPDX-License-Identifier: Apache-2.0
"""plasma-train merge and gate: many skills on one base."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from plasma_trainer.cli.common import Out, Seed, console, errors
from plasma_trainer.pipelines import gate as gating
from plasma_trainer.pipelines import merge as merging

commands = typer.Typer()

Adaptations = Annotated[
    list[Path], typer.Argument(help="Directories of finished adaptations, all of one base.")
]


@commands.command()
def merge(
    runs: Adaptations,
    out: Out,
    method: Annotated[str, typer.Option(help=", ".join(merging.METHODS))] = "linear",
    weight: Annotated[
        list[float] | None, typer.Option(help="Of each run, repeatable; default: equal ones.")
    ] = None,
    density: Annotated[float, typer.Option(min=0.01, max=0.99, help="Kept by ties, dare.")] = 0.5,
    seed: Seed = 0,
) -> None:
    """Several adapters as one, which exports like any: a plant each, and what is left of it there."""
    names = tuple(str(run.resolve()) for run in runs)
    args = merging.MergeArgs(names, method, tuple(weight or ()), density, seed)
    with errors():
        console.print(merging.table(merging.merge(args, out, console)))


@commands.command()
def gate(
    runs: Adaptations,
    out: Out,
    key: Annotated[Path, typer.Option(help="Private key (PEM), see plasma-pack keygen.")],
    seed: Seed = 0,
) -> None:
    """A packet that tells on the robot which adapter it needs; base, adapters and gate are signed."""
    args = gating.GateArgs(tuple(str(run.resolve()) for run in runs), seed)
    with errors():
        gated = gating.gate(args, key, out, console)
    for packet in (gated.base, *gated.adapters, gated.gate):
        console.print(f"{packet}: {packet.stat().st_size} bytes")
    console.print(f"plants told by a single transition: {gated.right:.1%}")
