"""`plasma-edge bench`: how long a step takes, warm, with cold caches and at a control rate; where its time goes.

A robot's step is a cold one: between two ticks everything else has run. Warm figures compare machines and runtimes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from plasma_edge import Policy, UsageError

OBSERVATIONS = 64
PROFILE_ROWS = 2000
COLD_STEPS = 1000
EVICTING_BYTES = (
    32 << 20
)  # written before every cold step: more than first- and second-level caches hold
PACED_SECONDS = 2.0
PACED_HZ = 200.0
QUANTILES = {"p50_us": 50.0, "p99_us": 99.0, "p999_us": 99.9, "max_us": 100.0}
BAR = 50


def bench(policy: Policy, args: argparse.Namespace) -> dict[str, Any]:
    """All figures of one packet: whole calls from Python, clock included, and as `step` the core's own."""
    if args.steps < 1000:
        raise UsageError(f"--steps: found {args.steps}, expected at least 1000")
    observations = _observations(policy)
    _time(policy, observations, 1000, _nothing)
    warm = _time(policy, observations, args.steps, _nothing)
    stats = policy.stats
    result = {
        "packet": policy.info.content_digest.hex()[:16],
        "kernels": policy.kernels,
        "macs": policy.info.macs,
        "cost_units": policy.info.cost_units,
        "step": {name: getattr(stats, name) for name in QUANTILES},
        "call": _quantiles(warm),
        "call_cold": _quantiles(_time(policy, observations, COLD_STEPS, _evict())),
        "call_200_hz": _quantiles(
            _time(policy, observations, int(PACED_HZ * PACED_SECONDS), _pace())
        ),
        "histogram": _histogram(warm),
    }
    if args.profile:
        result["profile"] = [vars(time) for time in policy.profile(_rows(policy, PROFILE_ROWS))]
    return result


def report(result: dict[str, Any]) -> str:
    """The figures as text for people."""
    lines = [f"{name:<12} {result[name]}" for name in ("packet", "kernels", "macs", "cost_units")]
    lines += ["", f"{'us':<12}" + "".join(f"{name[:-3]:>10}" for name in QUANTILES)]
    for name in ("step", "call", "call_cold", "call_200_hz"):
        lines.append(f"{name:<12}" + "".join(f"{value:10.3f}" for value in result[name].values()))
    most = max(count for _, count in result["histogram"])
    lines += ["", "warm calls shorter than"]
    lines += [
        f"{upper:9.2f} us {count:>9} {'#' * round(BAR * count / most)}".rstrip()
        for upper, count in result["histogram"]
    ]
    if "profile" in result:
        total = sum(row["us"] for row in result["profile"])
        lines += ["", f"{'instruction':<16}{'us':>8}{'share':>8}{'cost units':>12}"]
        lines += [
            f"{row['op']:<16}{row['us']:8.3f}{row['us'] / total:8.1%}{row['cost_units']:12}"
            for row in result["profile"]
        ]
    return "\n".join(lines)


def _rows(policy: Policy, rows: int) -> dict[str, np.ndarray]:
    """Standard normal observations, [rows, ...] by name."""
    rng = np.random.default_rng(0)
    return {
        port.name: rng.standard_normal((rows, *port.shape), dtype=np.float32)
        for port in policy.inputs
    }


def _observations(policy: Policy) -> list[Any]:
    """As a policy is called: an array, or several by name."""
    rows = _rows(policy, OBSERVATIONS)
    if len(rows) == 1:
        return list(next(iter(rows.values())))
    return [{name: row[i] for name, row in rows.items()} for i in range(OBSERVATIONS)]


def _time(
    policy: Policy, observations: list[Any], steps: int, before: Callable[[], None]
) -> np.ndarray:
    """Microseconds of each call; `before` runs ahead of each, untimed."""
    calls_us = np.empty(steps)
    for index in range(steps):
        obs = observations[index % OBSERVATIONS]
        before()
        begin = time.perf_counter_ns()
        policy(obs)
        calls_us[index] = (time.perf_counter_ns() - begin) / 1e3
    return calls_us


def _nothing() -> None:
    pass


def _evict() -> Callable[[], None]:
    memory = np.zeros(EVICTING_BYTES // 8)

    def evict() -> None:
        np.add(memory, 1.0, out=memory)

    return evict


def _pace() -> Callable[[], None]:
    """Sleeps until the next tick."""
    next_tick = time.perf_counter()

    def wait() -> None:
        nonlocal next_tick
        next_tick += 1.0 / PACED_HZ
        time.sleep(max(0.0, next_tick - time.perf_counter()))

    return wait


def _quantiles(calls_us: np.ndarray) -> dict[str, float]:
    return {name: float(np.percentile(calls_us, q)) for name, q in QUANTILES.items()}


def _histogram(calls_us: np.ndarray) -> list[tuple[float, int]]:
    """Upper edges, two to an octave, and how many calls lie below each and above the one before."""
    low, high = float(calls_us.min()), float(calls_us.max())
    edges = low * 2.0 ** (np.arange(1, int(2 * np.log2(high / low)) + 2) / 2)
    counts = np.bincount(np.searchsorted(edges, calls_us), minlength=len(edges))
    return [(float(edge), int(count)) for edge, count in zip(edges, counts, strict=True) if count]
