# SPDX-License-Identifier: Apache-2.0
"""What a world of pixels gets wrong: errors predicted and observed, and the defects of a camera found among them.

    make results ONLY=visual

The world is that of the first seed of benchmarks/pixels.py, learnt first if it is not in runs/pixels. What is finished
is in runs/visual and not done again; figures go to benchmarks/results/learning/latest.json under `visual`.
"""

from __future__ import annotations

import shutil
from dataclasses import asdict
from typing import Any

import torch
from benchmarks.pixels import ENV, RUNS, THRESHOLD
from benchmarks.record import RESULTS, ROOT, provenance, record, write_tables
from rich.console import Console

from plasma_trainer.pipelines.errors import ErrorsArgs, study
from plasma_trainer.pipelines.pixels import PixelArgs, train_pixels

SEED = 0  # of the run
FRAMES = 1  # the seed of the frames judged on; those of 0 were looked at while this was made
PICTURE = RESULTS.with_name("errors.png")


def main() -> None:
    torch.set_num_threads(1)
    console, run = Console(), RUNS / f"{ENV}-{SEED}"
    train_pixels(PixelArgs(ENV, THRESHOLD, SEED), run, console)
    args = ErrorsArgs(str(run), seed=FRAMES)
    out = ROOT / "runs/visual" / run.name
    errors = study(args, out, console)
    shutil.copy(out / "errors.png", PICTURE)
    asked = {"env": ENV, "real_steps": args.real_steps, "updates": args.updates, "seed": FRAMES}
    figures = asdict(errors) | asked | provenance()
    record("visual", figures)
    write_tables("visual", _table(figures))
    console.print(errors.table)


def _table(figures: dict[str, Any]) -> str:
    """Defects as Markdown."""
    lines = [
        "| defect | frames | AUROC | pixel IoU | AUROC, plain error | pixel IoU, plain error |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for defect, row in figures["found"].items():
        names = ("auroc", "iou", "plain_auroc", "plain_iou")
        cells = " | ".join(_figure(row[name]) for name in names)
        lines.append(f"| {defect} | {row['frames']} | {cells} |")
    lines += [
        "",
        f"{figures['env']}, {figures['real_steps']:,} new frames, {figures['date']}. Mean error of a pixel, as a "
        f"share of its range: {figures['plain']:.4f} of what was foretold; {figures['observed']:.4f} once its bias is "
        f"known, and {figures['predicted']:.4f} was predicted, which is never less than a grey level, 0.0039.",
    ]
    return "\n".join(lines) + "\n"


def _figure(figure: dict[str, float]) -> str:
    return f"{figure['value']:.3f} ({figure['low']:.2f}–{figure['high']:.2f})"


if __name__ == "__main__":
    main()
