"""`make attacks`: tries everything in this folder, then the two verifiers against each other.

    python -m tests.attacks --packets 1000000

Prints a table and one line of figures, writes benchmarks/results/attacks/latest.json, and ends with 1 when something
got through.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import sys
import time
from collections.abc import Mapping

from benchmarks.bench.results import provenance

from tests.attacks.fleet import Fleet
from tests.attacks.museum import NAMES, Exhibit, attack, idea, try_all
from tests.reference import differential

LATEST = differential.ROOT / "benchmarks/results/attacks/latest.json"
PARTS = ("attempts", "exhaustive")
Job = tuple[str, str]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--packets", type=int, default=20_000, help="for the two verifiers")
    parser.add_argument("--first", type=int, default=0, help="number of their first block")
    args = parser.parse_args()
    began = time.monotonic()
    exhibits = visit()
    for name in NAMES:
        sys.stdout.write(line(name, [exhibits[job] for job in exhibits if job[0] == name]))
    got_through = [
        f"{name}: {what}" for (name, _), found in exhibits.items() for what in found.got_through
    ]
    for text in got_through[:20]:
        sys.stdout.write(f"GOT THROUGH {text}\n")
    facts = figures(exhibits) | {"seconds": round(time.monotonic() - began)}
    tally = differential.report(args.packets, args.first)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    results = {"attacks": facts, "differential": tally.facts(), "made": provenance()}
    LATEST.write_text(json.dumps(results, indent=1) + "\n")
    sys.stdout.write(
        "attacks: {files} files, {attempts:,} attempts, {flips:,} of them single bit flips, "
        "{lengths:,} truncations and extensions, {got_through} got through, ".format(**facts)
        + f"{len(tally.different)} of {tally.packets:,} verdicts differ\n"
    )
    return 1 if got_through or tally.different else 0


def visit() -> dict[Job, Exhibit]:
    """All attempts of all attacks, the long ones first."""
    jobs = [(name, part) for part in PARTS[::-1] for name in NAMES if hasattr(attack(name), part)]
    with multiprocessing.Pool(os.cpu_count()) as pool:
        return dict(zip(jobs, pool.map(_try, jobs, chunksize=1), strict=True))


def _try(job: Job) -> Exhibit:
    name, part = job
    fleet = Fleet()
    return try_all(getattr(attack(name), part)(fleet), fleet, fleet.robot())


def line(name: str, exhibits: list[Exhibit]) -> str:
    """One row of the table."""
    codes = sorted({code for exhibit in exhibits for code in exhibit.codes})
    count = sum(exhibit.attempts for exhibit in exhibits)
    bad = sum(len(exhibit.got_through) for exhibit in exhibits)
    verdict = f"{bad} GOT THROUGH" if bad else "refused"
    return f"{name:<32} {count:>9,}  {verdict}  {idea(name)}\n{'':<43} {' '.join(codes)}\n"


def figures(exhibits: Mapping[Job, Exhibit]) -> dict[str, int]:
    """What the last line and the file of results say."""

    def count(*names: str) -> int:
        return sum(exhibits[job].attempts for job in exhibits if not names or job[0] in names)

    return {
        "files": len({name for name, _ in exhibits}),
        "attempts": count(),
        "flips": count("flip_every_bit"),
        "lengths": count("truncate_everywhere", "hide_behind_the_end"),
        "got_through": sum(len(exhibit.got_through) for exhibit in exhibits.values()),
    }


if __name__ == "__main__":
    sys.exit(main())
