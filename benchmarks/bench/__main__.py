# SPDX-License-Identifier: Apache-2.0
"""`make bench`: every net against every peer, then what the runtimes cost besides time, then the reports.

    python -m benchmarks.bench                            # everything
    python -m benchmarks.bench --nets A,B --peers litert  # a quick look; other results stay as they are
    python -m benchmarks.bench --peers litert --runs 5    # of each pair the run with the median ratio is kept

Each (net, peer) runs in a process of its own and is written when it is finished, so an interrupted run keeps what it
has. A process that dies says so in the table.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

import plasma_edge as pe

from . import adapters, ours, results
from .catalog import NETS, ROOT, Net
from .footprint import installed_mb
from .plots import plot
from .report import print_results, write_tables

PEERS = ("litert", "onnxruntime", "openvino", "torch", "numpy")
CONVERTER = ROOT / "build" / "bench-convert-venv" / "bin" / "python"
ONE_THREAD = {f"{name}_NUM_THREADS": "1" for name in ("OMP", "MKL", "OPENBLAS")}
# What is asked of a runtime; 0 asks nothing.
THREADS = {"one_thread": "1", "default_threads": "0"}
STARTS = 5
LOOP_S = 3.0
TIMEOUT_S = 600


def main() -> None:
    parser = argparse.ArgumentParser(description="The peer benchmark.")
    parser.add_argument("--nets", default="", help="letters, such as A,B; default: all")
    parser.add_argument("--peers", default="", help="names, such as litert,torch; default: all")
    parser.add_argument("--runs", type=int, default=1, help="of each pair; default: 1")
    args = parser.parse_args()
    nets = [NETS[letter] for letter in _chosen(args.nets, tuple(NETS))]
    peers = _chosen(args.peers, PEERS)
    console = Console()
    prepare(nets, peers)
    parts = list(_parts(nets, peers))
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        for part in progress.track(parts, description="bench"):
            runs = args.runs if part[0] == "pairs" and part[2] != "tables" else 1
            results.put(part, results.median_run([_measure(part) for _ in range(runs)]))
            console.print(f"{' '.join(part)} done")
    print_results(console, results.read())
    write_tables(results.read())
    plot(results.read())


def prepare(nets: list[Net], peers: list[str]) -> None:
    """Files of the nets, where they are not there yet. Nets B and I are needed for footprints and adapters."""
    letters = sorted({net.letter for net in nets} | {"A", "B", "C", "I"})
    _run(sys.executable, "-m", "benchmarks.bench.nets", *letters)
    if "litert" in peers:
        _run(str(CONVERTER), "-m", "benchmarks.bench.convert_litert", *letters)


def _chosen(text: str, known: tuple[str, ...]) -> list[str]:
    names = [name for name in text.split(",") if name]
    if unknown := sorted(set(names) - set(known)):
        sys.exit(f"{', '.join(unknown)} is unknown; choose from {','.join(known)}")
    return names or list(known)


def _parts(nets: list[Net], peers: list[str]) -> Iterator[tuple[str, ...]]:
    """Entries of the results that this run replaces."""
    for net in nets:
        for peer in (*peers, "tables"):
            yield "pairs", net.letter, peer
    for runtime in ("ours", *peers):
        if runtime != "numpy":
            yield "footprint", runtime
    for side in ("ours", *(peer for peer in peers if peer in adapters.PEERS)):
        yield "adapters", side


def _measure(part: tuple[str, ...]) -> dict[str, Any]:
    kind, *names = part
    try:
        if kind == "footprint":
            return measure_footprint(names[0])
        return _json("measure" if kind == "pairs" else "adapters", *names)
    except _Died as death:
        silence = {"not_run": str(death)}
        return {"peer": silence} if kind == "pairs" else silence


def measure_footprint(runtime: str) -> dict[str, Any]:
    """RSS of net A, start of net B (median of several), CPU at 200 Hz with one thread and with the default."""
    with tempfile.TemporaryDirectory() as name:
        folders = {letter: Path(name) / letter for letter in "AB"}
        for letter, folder in folders.items():
            folder.mkdir()
            ours.pack(NETS[letter], folder)

        def probe(letter: str, threads: str = "1", seconds: float = 0) -> dict[str, Any]:
            folder = str(folders[letter])
            args = (letter, runtime, threads, str(seconds), folder)
            return _json("footprint", *args, environment={} if threads == "0" else ONE_THREAD)

        rss_mb = probe("A")["rss_mb"]
        starts_ms = [probe("B")["cold_start_ms"] for _ in range(STARTS)]
        loops = {label: probe("B", threads, LOOP_S) for label, threads in THREADS.items()}
    return {
        "installed_mb": installed_mb(runtime),
        "rss_mb": rss_mb,
        "cold_start_ms": median(starts_ms),
        **{
            label: {key: line[key] for key in ("threads", "cpu_percent")}
            for label, line in loops.items()
        },
    }


class _Died(Exception):  # noqa: N818 - it is what happened to a process
    """A process ended without a result; the message says how."""


def _json(module: str, *args: str, environment: Mapping[str, str] = ONE_THREAD) -> dict[str, Any]:
    """What a process prints. Raises _Died."""
    command = [sys.executable, "-m", f"benchmarks.bench.{module}", *args]
    try:
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=os.environ | environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
        )
    except subprocess.TimeoutExpired as error:
        raise _Died(f"took more than {TIMEOUT_S} s") from error
    if done.returncode:
        last = done.stderr.strip().split("\n")[-1]
        raise _Died(f"ended with {done.returncode}: {last}")
    printed: dict[str, Any] = json.loads(done.stdout.strip().split("\n")[-1])
    return printed


def _run(*command: str) -> None:
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr[-2000:]}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("interrupted; what is finished is written")
    except pe.PlasmaError as error:
        sys.exit(str(error))
