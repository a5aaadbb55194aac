# SPDX-License-Identifier: Apache-2.0
"""A protocol that survives interruption: each finished stage leaves its figures, and is not done twice."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rich.console import Console

from plasma_trainer.pipelines.runs import write_json

Figures = dict[str, Any]


class Stages:
    """Runs named stages in order under `directory`/stages. A figure is anything JSON can hold."""

    def __init__(self, directory: Path, console: Console) -> None:
        self.directory = directory / "stages"
        self.console = console
        self.seconds = 0.0

    def run(self, name: str, title: str, work: Callable[[], Figures]) -> Figures:
        """The figures of a stage: from its file when it finished before, else from `work`."""
        path = self.directory / f"{name}.json"
        if path.exists():
            kept = dict(json.loads(path.read_text()))
            self.console.print(f"[dim]✓ {title} (kept from an earlier run)[/dim]")
        else:
            self.console.print(f"[bold]· {title}[/bold]")
            begin = time.perf_counter()
            figures = work()
            kept = {"figures": figures, "seconds": time.perf_counter() - begin}
            write_json(path, kept)
            self.console.print(
                f"[green]✓[/green] {title}: {_shown(figures)} [dim]{kept['seconds']:.1f} s[/dim]"
            )
        self.seconds += kept["seconds"]
        return dict(kept["figures"])


def _shown(figures: Figures) -> str:
    """The scalar figures of a stage on one line; series are for the report."""
    scalars = {k: v for k, v in figures.items() if isinstance(v, (int, float, str))}
    return ", ".join(
        f"{k} {v:.4g}" if isinstance(v, float) else f"{k} {v}" for k, v in scalars.items()
    )
