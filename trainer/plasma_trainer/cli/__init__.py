# SPDX-License-Identifier: Apache-2.0
"""plasma-train: learn, judge, think, combine, ship; serve, worker, token."""

from __future__ import annotations

import torch
import typer

from plasma_trainer.cli import combining, judging, learning, shipping, thinking
from plasma_trainer.server.cli import commands as serving

app = typer.Typer(
    help="Learn a world model from a few real steps; train, adapt and audit policies inside it.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for _group in (learning, combining, judging, thinking, shipping):
    app.add_typer(_group.commands)
app.add_typer(serving)


def main() -> None:
    """All verbs. One thread: results do not depend on the number of cores."""
    torch.set_num_threads(1)
    app()
