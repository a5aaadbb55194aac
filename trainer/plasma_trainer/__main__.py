# SPDX-License-Identifier: Apache-2.0
"""plasma-train, and python -m plasma_trainer. A server's verbs run without torch: it holds no worlds, workers do."""

from __future__ import annotations

import sys

from typer.main import get_group

from plasma_trainer.server.cli import commands


def main() -> None:
    """Entry point of `plasma-train`."""
    if sys.argv[1:2] and sys.argv[1] in get_group(commands).commands:
        commands()
    else:
        from plasma_trainer.cli import main as learn  # brings torch

        learn()


if __name__ == "__main__":
    main()
