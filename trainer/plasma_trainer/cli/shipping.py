# SPDX-License-Identifier: Apache-2.0
"""plasma-train export, demo: packets, and all of it in one go."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from plasma_trainer.cli.common import Out, RunDir, Seed, console, errors
from plasma_trainer.cli.learning import solve_pixels
from plasma_trainer.pipelines import audit as auditing
from plasma_trainer.pipelines import export as exporting
from plasma_trainer.pipelines.skills import load_skill

commands = typer.Typer()


@commands.command()
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


@commands.command()
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
