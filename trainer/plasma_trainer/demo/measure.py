# SPDX-License-Identifier: Apache-2.0
"""What a packet costs and what it refuses: microseconds and error codes."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import plasma_edge as pe
from plasma_trainer.demo.stages import Figures
from plasma_trainer.envs import Act

LATENCY_STEPS = 50_000
ATTACH_ROUNDS = 50
HISTOGRAM_BINS_US = np.geomspace(0.2, 200.0, 60)


def record(act: Act, seen: list[np.ndarray]) -> Act:
    """`act`, and every observation that it meets goes into `seen`."""

    def recording(obs: np.ndarray) -> Any:
        seen.append(obs)
        return act(obs)

    return recording


def latency(load: Callable[[], pe.Policy], obs: np.ndarray) -> Figures:
    """Step times in C++ (`step_us`) and of the whole Python call, warm, over the rows of obs [N, O]."""
    policy = load()
    for row in obs[:2000]:
        policy(row)
    policy = load()
    calls_us = np.empty(LATENCY_STEPS)
    for index in range(LATENCY_STEPS):
        row = obs[index % len(obs)]
        begin = time.perf_counter_ns()
        policy(row)
        calls_us[index] = (time.perf_counter_ns() - begin) / 1e3
    stats = policy.stats
    counts, _ = np.histogram(calls_us, HISTOGRAM_BINS_US)
    return {
        "p50": stats.p50_us,
        "p99": stats.p99_us,
        "p999": stats.p999_us,
        "max": stats.max_us,
        "call_p50": float(np.percentile(calls_us, 50)),
        "kernels": policy.kernels,
        "histogram": counts.tolist(),
    }


def attach_time(policy: pe.Policy, adapter: Path) -> float:
    """Median microseconds from the call of attach (verify, decompress, validate, self-test) to its return."""
    took = []
    for _ in range(ATTACH_ROUNDS):
        begin = time.perf_counter_ns()
        policy.attach(adapter, name="timed")
        took.append(time.perf_counter_ns() - begin)
        policy.detach("timed")
    return float(np.median(took)) / 1e3


def refusal(attempt: Callable[[], object]) -> str:
    """The code with which plasma_edge refuses `attempt`; an attempt that succeeds is an error."""
    try:
        attempt()
    except pe.PlasmaError as error:
        return error.code
    raise AssertionError("a packet that must be refused was accepted")
