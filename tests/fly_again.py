"""Repeats the flights of tests/flights.py with every kernel table of this machine: `python fly_again.py FLIGHTS`.

Needs plasma_edge and numpy, nothing else: this is what a wheel is tried with on a machine that has only that.
"""

from __future__ import annotations

import platform
import sys
from pathlib import Path

import numpy as np

import plasma_edge as pe


def text(rows: list[np.ndarray]) -> str:
    """A row a line, as the C recipe prints it. Nine digits name one float32 and no other."""
    return "".join("".join(f"{value:.9g} " for value in row) + "\n" for row in rows)


def actions(flight: Path, kernels: str) -> str:
    key = (flight.parent / "key.raw").read_bytes()
    policy = pe.Policy.load(flight / "base.plasma", trust=key, kernels=kernels)
    if (flight / "adapter.plasma").exists():
        policy.attach(flight / "adapter.plasma")
    obs = np.loadtxt(flight / "observations.txt", dtype=np.float32)
    return text([np.array(policy(row)) for row in obs])


def main(flights: Path) -> None:
    found = sorted(path.parent for path in flights.glob("*/actions.txt"))
    for table in pe.kernel_tables():
        for flight in found:
            if actions(flight, table) != (flight / "actions.txt").read_text():
                sys.exit(f"{platform.machine()} {table}: {flight.name} flies otherwise")
    tables = " ".join(pe.kernel_tables())
    sys.stdout.write(f"{platform.machine()}, {tables}: {len(found)} flights, bit for bit\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
