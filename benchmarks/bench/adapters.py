# SPDX-License-Identifier: Apache-2.0
"""What it takes to change the adapter, ours and a peer's, in a process of its own; JSON on standard output.

python -m benchmarks.bench.adapters ours
python -m benchmarks.bench.adapters onnxruntime
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

import plasma_edge as pe
import plasma_pack as pp

from . import ours
from .catalog import NETS

# Rank of an adapter of net C whose file is about 100 KB.
LARGE_RANK = 32
PEERS = ("onnxruntime", "litert", "torch")


def measure_ours(folder: Path) -> dict[str, Any]:
    """{'swap_us', 'adapter_live_ms', 'adapter_bytes', 'kernels'}."""
    live_ms, size = _attach_ms(folder)
    net = NETS["I"]
    ours.pack(net, folder)
    policy = ours.load(net, folder)
    return {
        "swap_us": _swap_us(policy, net.reference.obs[0]),
        "adapter_live_ms": live_ms,
        "adapter_bytes": size,
        "kernels": policy.kernels,
    }


def measure_peer(peer: str) -> dict[str, float]:
    """Median µs of each way that the peer has."""
    ways = import_module(f"{__package__}.peers.{peer}").adapter_ways(NETS["I"])
    return {name: _median_us(way, 100) for name, way in ways.items()}


def _swap_us(policy: pe.Policy, obs: np.ndarray[Any, Any]) -> float:
    """What set_gains and the tick that picks it up take, above a tick with an adapter that stays."""
    policy.set_gains({"0": 1.0})
    gains = [{"0": 0.0, "1": 1.0}, {"0": 1.0, "1": 0.0}]

    def swap() -> None:
        for gain in gains:
            policy.set_gains(gain)
            policy(obs)

    def stay() -> None:
        for _ in gains:
            policy(obs)

    rounds = [(_median_us(swap, 200), _median_us(stay, 200)) for _ in range(20)]
    best_swap_us, best_stay_us = (min(turn[side] for turn in rounds) for side in (0, 1))
    return (best_swap_us - best_stay_us) / len(gains)


def _attach_ms(folder: Path) -> tuple[float, int]:
    """From a file of about 100 KB to the first action with it, verified and self-tested; and its size."""
    net = NETS["C"]
    _write_large_adapter(folder / "peft")
    pp.keygen(folder / "large.pem")
    base = pp.build(
        net.onnx,
        key=folder / "large.pem",
        low=-ours.LIMIT,
        high=ours.LIMIT,
        max_rank=LARGE_RANK,
    )
    path = folder / "large.plasma"
    pp.build_adapter(base, folder / "peft", key=folder / "large.pem", out=path)
    policy = pe.Policy.load(base.data, trust=folder / "large.pub")
    times = []
    for _ in range(30):
        begin = time.perf_counter_ns()
        policy.attach(path, name="large")
        policy(net.reference.obs[0])
        times.append((time.perf_counter_ns() - begin) / 1e6)
        policy.detach("large")
    return median(times), path.stat().st_size


def _write_large_adapter(folder: Path) -> None:
    from torch import Tensor, randn

    from .nets import write_peft

    layers = [name for name in NETS["C"].weights if name.endswith(".weight")]
    tensors: dict[str, Tensor] = {}
    for name in layers:
        rows, cols = NETS["C"].weights[name].shape
        stem = f"base_model.model.{name.removesuffix('.weight')}"
        tensors[f"{stem}.lora_A.weight"] = randn(LARGE_RANK, cols) * 0.05
        tensors[f"{stem}.lora_B.weight"] = randn(rows, LARGE_RANK) * 0.05
    write_peft(folder, tensors, LARGE_RANK)


def _median_us(call: Callable[[], object], count: int) -> float:
    times = []
    for _ in range(count):
        begin = time.perf_counter_ns()
        call()
        times.append((time.perf_counter_ns() - begin) / 1e3)
    return median(times)


def main() -> None:
    (side,) = sys.argv[1:]
    with tempfile.TemporaryDirectory() as folder:
        result = measure_ours(Path(folder)) if side == "ours" else measure_peer(side)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
