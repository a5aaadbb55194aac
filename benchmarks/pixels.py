# SPDX-License-Identifier: Apache-2.0
"""A pendulum that is only seen through a camera, learnt and flown as a packet, seed by seed.

    make results ONLY=pixels
    python -m benchmarks.pixels --seed 0

Each finished seed is written to benchmarks/results/learning/latest.json under `pixels`; a seed that is there is not
measured again, and an interrupted one goes on in runs/pixels. A seed without a packet counts at its budget.
"""

from __future__ import annotations

import argparse
import json
import shutil
import time
from statistics import median
from typing import Any

import torch
from benchmarks.record import RESULTS, ROOT, provenance, record, recorded
from rich.console import Console

from plasma_trainer.pipelines.pixels import PixelArgs
from plasma_trainer.pipelines.solve_pixels import solve_pixels

STRIP = RESULTS.with_name("from_pixels.png")  # of the seed that was measured last
RUNS = ROOT / "runs/pixels"
ENV, THRESHOLD = "Pendulum-v1", -250.0
SEEDS = range(5)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", action="append", type=int, choices=SEEDS)
    asked = parser.parse_args().seed or SEEDS
    torch.set_num_threads(1)
    console = Console()
    for seed in asked:
        if str(seed) not in recorded("pixels").get("seeds", {}):
            console.rule(f"{ENV} from pixels, seed {seed}")
            _record(seed, _measure(seed, console))
    seeds = recorded("pixels")["seeds"].values()
    console.print(
        f"{ENV} from pixels: {sum(row['solved'] for row in seeds)} of {len(seeds)} seeds at {THRESHOLD}, "
        f"median {median(row['real_steps'] for row in seeds):,.0f} real steps"
    )


def _measure(seed: int, console: Console) -> dict[str, Any]:
    args, begin = PixelArgs(ENV, THRESHOLD, seed), time.process_time()
    out = RUNS / f"{ENV}-{seed}"
    solution = solve_pixels(args, None, out, console)
    console.print(solution.table)
    shutil.copy(out / "strip.png", STRIP)
    row = {
        "solved": solution.packet is not None,
        "real_steps": args.real_steps,
        "cpu_seconds": time.process_time() - begin,  # since the last start
        **provenance(),
    }
    return row | (json.loads((out / "solution.json").read_text()) if row["solved"] else {})


def _record(seed: int, row: dict[str, Any]) -> None:
    part = recorded("pixels") or {"env": ENV, "threshold": THRESHOLD, "seeds": {}}
    part["seeds"][str(seed)] = row
    record("pixels", part)


if __name__ == "__main__":
    main()
