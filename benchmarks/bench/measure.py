# SPDX-License-Identifier: Apache-2.0
"""One net, ours and one peer's contenders in turns, in a process of its own; the result is JSON on standard output.

python -m benchmarks.bench.measure B litert
python -m benchmarks.bench.measure B tables     # ours alone, each kernel table by name
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

import plasma_edge as pe

from . import ours
from .catalog import NETS, Net
from .contender import Call, Contender, NotRun
from .timing import alternate


def measure(net: Net, peer: str, folder: Path) -> dict[str, Any]:
    """{'kernels', 'ours': …, 'peer': …}; each side is a list of contenders, or says why there is none."""
    result: dict[str, Any] = {}
    mine: list[Contender] = []
    try:
        ours.pack(net, folder)
        mine = ours.tables(net, folder) if peer == "tables" else ours.contenders(net, folder)
        result["kernels"] = ours.load(net, folder).kernels
    except pe.PlasmaError as error:
        result["ours"] = {"not_supported": first_line(error)}
    theirs: list[Contender] = []
    try:
        if peer != "tables":
            theirs = list(import_module(f"{__package__}.peers.{peer}").contenders(net))
    except NotRun as reason:
        result["peer"] = {"not_run": str(reason)}
    measured = _measure_all(net, {"ours": mine, "peer": theirs})
    return {side: measured[side] for side in ("ours", "peer") if measured[side]} | result


def first_line(error: BaseException) -> str:
    return str(error).strip().split("\n")[0]


def relative_error(found: Iterable[Any], expected: np.ndarray[Any, Any]) -> float:
    """Greatest absolute error over all actions, in units of the greatest absolute action."""
    actions = np.stack([np.asarray(action, np.float32).reshape(-1).copy() for action in found])
    return float(np.abs(actions - expected).max() / np.abs(expected).max())


def _measure_all(net: Net, sides: dict[str, list[Contender]]) -> dict[str, list[dict[str, Any]]]:
    """Checks every contender against torch first, then times all of them in turns."""
    lines: dict[str, list[dict[str, Any]]] = {side: [] for side in sides}
    calls: dict[str, tuple[Call, list[Any]]] = {}
    for side, contenders in sides.items():
        for contender in contenders:
            line: dict[str, Any] = {"name": contender.name}
            lines[side].append(line)
            try:
                call = contender.start()
                obs = [contender.prepare(row) for row in net.reference.obs]
                line["error"] = relative_error(map_copied(call, obs), net.reference.action)
                calls[f"{side} {contender.name}"] = (call, obs)
            except Exception as error:  # noqa: BLE001 - whatever a peer raises is its answer
                line["not_run"] = f"{type(error).__name__}: {first_line(error)}"
    timings = alternate(calls) if calls else {}
    for side in sides:
        for line in lines[side]:
            if timing := timings.get(f"{side} {line['name']}"):
                line |= asdict(timing)
    return lines


def map_copied(call: Call, obs: list[Any]) -> Iterable[Any]:
    """The actions of calls in order; copied, because a call may give the same array every time."""
    return [np.array(call(row)) for row in obs]


def main() -> None:
    letter, peer = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        sys.stdout.write(json.dumps(measure(NETS[letter], peer, Path(folder))) + "\n")


if __name__ == "__main__":
    main()
