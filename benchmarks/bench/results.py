# SPDX-License-Identifier: Apache-2.0
"""The file of results, results/bench/latest.json: every part of a run replaces its own keys and no others.

Whatever was measured lies under `pairs`, `footprint` and `adapters`, each entry with the commit, machine and date that
made it. The keys at the top are computed from those at every write:

    ratio_over_best_peer, us, peer {name, us}, kernels     per net; null where ours cannot run the net yet
    ratios                                                 per net, of all runs of the best peer's pair
    error_vs_fp32                                          per net {ours, peer}
    swap_us, adapter_live_ms, cold_start_ms, rss_mb, installed_mb     ours
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

from .catalog import NETS, ROOT

FOLDER = Path(__file__).parents[1] / "results" / "bench"
LATEST = FOLDER / "latest.json"
# A contender that errs by more, relative to the greatest action, does not compute the net.
VALID_ERROR = 0.05

Json = dict[str, Any]


def read() -> Json:
    """What was measured so far."""
    return json.loads(LATEST.read_text()) if LATEST.exists() else {}


def put(path: tuple[str, ...], value: Json) -> None:
    """Replaces one entry, such as ('pairs', 'A', 'litert'), and what follows from it."""
    results = read()
    place = results
    for key in path[:-1]:
        place = place.setdefault(key, {})
    place[path[-1]] = value | {"made": provenance()}
    FOLDER.mkdir(parents=True, exist_ok=True)
    text = json.dumps(summary(results) | _measured(results), indent=1, ensure_ascii=False)
    LATEST.write_text(text + "\n")


def summary(results: Json) -> Json:
    """The keys at the top."""
    nets = {net: pairs for net in NETS if (pairs := results.get("pairs", {}).get(net))}
    best = {net: best_pair(pairs) for net, pairs in nets.items()}
    footprint = results.get("footprint", {}).get("ours", {})
    adapters = results.get("adapters", {}).get("ours", {})
    return {
        "ratio_over_best_peer": {net: pair["ratio"] for net, pair in best.items()},
        "ratios": {net: pair["ratios"] for net, pair in best.items() if pair["ratios"]},
        "us": {net: (pair["ours"] or {}).get("us") for net, pair in best.items()},
        "peer": {net: _named(pair) for net, pair in best.items()},
        "error_vs_fp32": {
            net: {side: (pair[side] or {}).get("error") for side in ("ours", "peer")}
            for net, pair in best.items()
        },
        "kernels": {net: pair["kernels"] for net, pair in best.items()},
        "swap_us": adapters.get("swap_us"),
        "adapter_live_ms": adapters.get("adapter_live_ms"),
        "cold_start_ms": footprint.get("cold_start_ms"),
        "rss_mb": footprint.get("rss_mb"),
        "installed_mb": footprint.get("installed_mb"),
    }


def median_run(runs: list[Json]) -> Json:
    """The run in the middle, by its fastest peer over our fastest; `ratios` has those of all."""
    ratios = [_ratio(run) for run in runs]
    if len(runs) == 1 or None in ratios:
        return runs[-1]
    middle = sorted(range(len(runs)), key=lambda run: ratios[run] or 0.0)[len(runs) // 2]
    return runs[middle] | {"ratios": ratios}


def best_pair(pairs: Json) -> Json:
    """The pair with the fastest valid peer: {'name', 'peer', 'ours', 'ratio', 'ratios', 'kernels'}.

    Both times come from the same process, where they took turns. Pairs from other machines than the newest are left
    out; `tables` is ours alone and counts only where there is no peer.
    """
    machine = max(pairs.values(), key=lambda pair: str(pair["made"]["date"]))["made"]["machine"]
    here = {name: pair for name, pair in pairs.items() if pair["made"]["machine"] == machine}
    raced = {name: peer for name in here if (peer := fastest(here[name].get("peer")))}
    name = min(raced, key=lambda name: float(raced[name]["us"]), default=next(iter(here)))
    peer, ours = raced.get(name), fastest(here[name].get("ours"))
    return {
        "name": name,
        "peer": peer,
        "ours": ours,
        "ratio": _ratio(here[name]),
        "ratios": here[name].get("ratios"),
        "kernels": here[name].get("kernels") if ours else None,
    }


def _ratio(pair: Json) -> float | None:
    """Above 1 ours is faster; None where either side has no valid time."""
    peer, ours = fastest(pair.get("peer")), fastest(pair.get("ours"))
    return float(peer["us"] / ours["us"]) if peer and ours else None


def fastest(side: Any) -> Json | None:
    """The fastest contender that computes the net, if any does."""
    lines = side if isinstance(side, list) else []
    valid = [line for line in lines if "us" in line and line["error"] <= VALID_ERROR]
    return min(valid, key=lambda line: float(line["us"]), default=None)


def provenance() -> Json:
    """Who made a number: commit, machine, versions, and when."""
    return {
        "commit": _commit(),
        "machine": _machine(),
        "versions": {name: _version(name) for name in _DISTRIBUTIONS} | {"compiler": _compiler()},
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M:%S"),
    }


_DISTRIBUTIONS = ("plasma-edge", "numpy", "onnxruntime", "openvino", "torch", "ai-edge-litert")


def _named(pair: Json) -> Json | None:
    peer = pair["peer"]
    return {"name": f"{pair['name']}: {peer['name']}", "us": peer["us"]} if peer else None


def _measured(results: Json) -> Json:
    return {key: results[key] for key in ("pairs", "footprint", "adapters") if key in results}


def _commit() -> str:
    """Of the code that ran; '+' when files were changed since."""
    short = _output("git", "-C", str(ROOT), "rev-parse", "--short", "HEAD")
    tracked = ("cpp", "python", "tools", "benchmarks/bench")
    changed = _output("git", "-C", str(ROOT), "status", "--porcelain", *tracked)
    return short + ("+" if changed else "")


def _machine() -> str:
    text = Path("/proc/cpuinfo").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    cpu = {name.strip(): value.strip() for name, value in fields.items()}
    name = cpu.get("model name", platform.machine())
    family = f"family {cpu.get('cpu family')} model {cpu.get('model')}"
    return f"{name} ({family}), {os.cpu_count()} cores"


def _compiler() -> str:
    return _output("c++", "--version").split("\n")[0]


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "not installed"


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
