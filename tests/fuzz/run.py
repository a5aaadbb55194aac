"""make fuzz: runs every target for its share of the time, prints one table, adds it to the totals.

    .venv/bin/python -m tests.fuzz.run --seconds 600 [--jobs 1]

What libFuzzer finds on its way stays in build/fuzz/corpus and is where the next run begins; the input of a crash stays
in build/fuzz/crashes. Totals over all runs are in benchmarks/results/fuzz/latest.json. Exit code 1: something crashed,
hung or grew without bound.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "fuzz"
LATEST = ROOT / "benchmarks" / "results" / "fuzz" / "latest.json"

# Shares of the time, and the longest input. Where a program is accepted or a packet is signed, there is most to find.
TARGETS = {
    "container": (1, 4_096),
    "container_resign": (4, 8_192),
    "program": (4, 4_096),
    "interp_diff": (6, 256),
    "adapter": (3, 4_096),
    "zstd": (2, 1_024),
    "ed25519": (1, 64),
    "kernels": (1, 512),
    "root": (2, 4_096),
}
# Where what is accepted is a program, or patches of one, that then ran; elsewhere frames, signatures and roots.
FLYING = ("container_resign", "program", "interp_diff", "adapter")
# Deep stacks for every allocation cost a third of the speed; a crash is run again with them.
ASAN_OPTIONS = "malloc_context_size=0:quarantine_size_mb=16"


@dataclass
class Run:
    """What one target did. `behind_signature` and `accepted`: tests/fuzz/tally.hpp."""

    target: str
    executions: int = 0
    seconds: float = 0
    behind_signature: int = 0
    accepted: int = 0
    edges: int = 0
    crashes: int = 0


def run(target: str, seconds: int) -> Run:
    corpus, crashes = BUILD / "corpus" / target, BUILD / "crashes" / target
    for folder in (corpus, crashes):
        folder.mkdir(parents=True, exist_ok=True)
    command = [
        str(BUILD / "tests" / "fuzz" / f"fuzz_{target}"),
        f"-max_total_time={seconds}",
        f"-max_len={TARGETS[target][1]}",
        f"-artifact_prefix={crashes}/",
        "-entropic=0",  # its bookkeeping takes longer than a small program
        "-timeout=20",
        "-rss_limit_mb=2048",
        "-print_final_stats=1",
        str(corpus),
        str(Path(__file__).parent / "corpus" / target),
    ]
    started = datetime.now(UTC)
    environment = os.environ | {"ASAN_OPTIONS": ASAN_OPTIONS}
    done = subprocess.run(
        command, capture_output=True, text=True, env=environment, errors="replace"
    )
    result = parse(target, done.stderr)
    result.seconds = (datetime.now(UTC) - started).total_seconds()
    result.crashes = int(done.returncode != 0)
    if done.returncode != 0:
        sys.stderr.write("".join(f"{target}: {line}\n" for line in done.stderr.splitlines()[-40:]))
    return result


def parse(target: str, log: str) -> Run:
    """The figures at the end of a log; a target that crashed counts nothing of its own."""

    def last(pattern: str) -> int:
        found = re.findall(pattern, log)
        return int(found[-1]) if found else 0

    return Run(
        target,
        executions=last(r"stat::number_of_executed_units: (\d+)"),
        behind_signature=last(r"stat::behind_the_signature: (\d+)"),
        accepted=last(r"stat::accepted: (\d+)"),
        edges=last(r"cov: (\d+)"),
    )


def shares(seconds: int, jobs: int) -> dict[str, int]:
    """Seconds of each target, so that all of them together take `seconds` on `jobs` processors."""
    total = sum(share for share, _ in TARGETS.values())
    return {
        target: max(1, seconds * jobs * share // total) for target, (share, _) in TARGETS.items()
    }


def add_up(results: dict[str, Any], runs: Iterable[Run], made: dict[str, str]) -> dict[str, Any]:
    """Totals of all runs so far with these; counts add up, edges are those of the last run."""
    targets = dict(results.get("targets", {}))
    for done in runs:
        total = Run(**{"target": done.target} | targets.get(done.target, {}).get("total", {}))
        for name in ("executions", "seconds", "behind_signature", "accepted", "crashes"):
            setattr(total, name, round(getattr(total, name) + getattr(done, name), 1))
        total.edges = max(total.edges, done.edges)
        fields = {name: value for name, value in asdict(total).items() if name != "target"}
        targets[done.target] = {"total": fields, "made": made}
    totals = [target["total"] for target in targets.values()]
    names = ("executions", "behind_signature", "crashes")
    flown = sum(targets[name]["total"]["accepted"] for name in FLYING if name in targets)
    sums = {name: sum(total[name] for total in totals) for name in names}
    return sums | {"programs_flown": flown, "targets": targets}


def table(runs: Iterable[Run]) -> str:
    lines = [
        f"{'target':<18}{'executions':>13}{'exec/s':>9}{'behind sig.':>13}{'accepted':>11}{'edges':>7}{'crashes':>9}"
    ]
    for r in runs:
        speed = round(r.executions / max(r.seconds, 1))
        lines.append(
            f"{r.target:<18}{r.executions:>13,}{speed:>9,}{r.behind_signature:>13,}{r.accepted:>11,}"
            f"{r.edges:>7,}{r.crashes:>9}"
        )
    return "\n".join(lines) + "\n"


def provenance() -> dict[str, str]:
    git = ["git", "-C", str(ROOT)]
    commit = subprocess.run([*git, "rev-parse", "--short", "HEAD"], capture_output=True, text=True)
    changed = subprocess.run(
        [*git, "status", "--porcelain", "cpp", "tests/fuzz", "tests/cpp"], capture_output=True
    )
    return {
        "commit": commit.stdout.strip() + ("+" if changed.stdout else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()

    made = provenance()
    with ThreadPoolExecutor(options.jobs) as pool:
        runs = list(pool.map(run, TARGETS, shares(options.seconds, options.jobs).values()))
    results = json.loads(LATEST.read_text()) if LATEST.exists() else {}
    results = add_up(results, runs, made)
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps(results, indent=1) + "\n")

    crashes = sum(r.crashes for r in runs)
    here = sum(r.executions for r in runs)
    behind = sum(r.behind_signature for r in runs)
    sys.stdout.write(table(runs))
    sys.stdout.write(
        f"fuzz: {here:,} executions, {behind / max(here, 1):.0%} behind the signature, "
        f"{sum(r.accepted for r in runs if r.target in FLYING):,} programs flown, {crashes} crashes; "
        f"in all {results['executions']:,} executions, {results['programs_flown']:,} programs flown\n"
    )
    return int(crashes > 0)


if __name__ == "__main__":
    sys.exit(main())
