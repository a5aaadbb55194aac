# SPDX-License-Identifier: Apache-2.0
"""How calls are timed: contenders take turns, in rounds, on one thread.

A round gives each contender a share of time, in which it is called in batches of at most 200 µs; the round's figure is
the median over batches of the mean call. The best round is published, with the worst beside it: other work on a shared
machine only ever adds time. Single calls are timed as well, for the tail; they include reading the clock twice. Before
each cold call a buffer larger than the caches is walked.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from .catalog import Array
from .contender import Call

ROUNDS = 12
SHARE_US = 15_000.0
BATCH_US = 200.0
COLD_CALLS = 40
MIB = 1 << 20


@dataclass(frozen=True)
class Timing:
    """Microseconds a call."""

    us: float
    worst_round_us: float
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float
    cold_us: float
    cold_p90_us: float


def alternate(calls: Mapping[str, tuple[Call, Sequence[Array]]]) -> dict[str, Timing]:
    """Times the contenders against each other. calls: {name: (call, its observations)}."""
    gc.collect()
    gc.freeze()
    shares = {name: _share(call, obs) for name, (call, obs) in calls.items()}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    singles: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(ROUNDS):
        # Nobody always runs first, or always after the same neighbour's weights.
        for name in rotated(list(calls), number):
            call, obs = calls[name]
            rounds[name].append(
                float(np.median([_batch_us(call, batch) for batch in shares[name]]))
            )
            singles[name] += [_single_us(call, row) for row in obs for _ in range(4)]
    cold = _cold(calls)
    return {name: summary(rounds[name], singles[name], cold[name]) for name in calls}


def rotated(names: list[str], by: int) -> list[str]:
    """The names in order, starting `by` places further; backwards once each of them was first."""
    turns, place = divmod(by, len(names))
    turned = names[place:] + names[:place]
    return turned[::-1] if turns % 2 else turned


def summary(rounds: Sequence[float], singles: Sequence[float], cold: Sequence[float]) -> Timing:
    """Figures of one contender from the medians of its rounds and its single calls, in µs."""
    p50, p99, p999 = np.percentile(singles, [50, 99, 99.9])
    cold_p50, cold_p90 = np.percentile(cold, [50, 90])
    return Timing(
        us=min(rounds),
        worst_round_us=max(rounds),
        p50_us=float(p50),
        p99_us=float(p99),
        p999_us=float(p999),
        max_us=max(singles),
        cold_us=float(cold_p50),
        cold_p90_us=float(cold_p90),
    )


def evicted_bytes() -> int:
    """Twice the L3 cache where that is at most 64 MiB, else four times the L2."""
    caches = {}
    for index in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        size = (index / "size").read_text().strip()
        caches[int((index / "level").read_text())] = int(size.removesuffix("K")) << 10
    l2, l3 = caches.get(2, 2 * MIB), caches.get(3, 0)
    return 2 * l3 if 0 < 2 * l3 <= 64 * MIB else 4 * l2


def _share(call: Call, obs: Sequence[Array]) -> list[Sequence[Array]]:
    """The batches of one round; also warms up."""
    took_us = min(_batch_us(call, obs) for _ in range(3))
    size = max(1, min(len(obs), int(BATCH_US / took_us)))
    batches = [obs[start : start + size] for start in range(0, len(obs) - size + 1, size)]
    count = max(5, int(SHARE_US / (took_us * size)))
    return [batches[index % len(batches)] for index in range(count)]


def _batch_us(call: Call, obs: Sequence[Array]) -> float:
    begin = time.perf_counter_ns()
    for row in obs:
        call(row)
    return (time.perf_counter_ns() - begin) / len(obs) / 1e3


def _single_us(call: Call, row: Array) -> float:
    begin = time.perf_counter_ns()
    call(row)
    return (time.perf_counter_ns() - begin) / 1e3


def _cold(calls: Mapping[str, tuple[Call, Sequence[Array]]]) -> dict[str, list[float]]:
    """Single calls, each after the caches were filled with something else, the observation included."""
    buffer = np.zeros(evicted_bytes() // 8)
    times: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(COLD_CALLS):
        for name, (call, obs) in calls.items():
            buffer += 1.0
            times[name].append(_single_us(call, obs[number % len(obs)]))
    return times
