"""Contenders take turns, and the published figures are what they are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import astuple
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.bench import timing


def test_everybody_is_first_and_last_in_some_round() -> None:
    names = ["a", "b", "c"]
    orders = [timing.rotated(names, number) for number in range(12)]
    assert all(sorted(order) == names for order in orders)
    assert {order[0] for order in orders} == {order[-1] for order in orders} == set(names)


def test_the_best_round_is_published_beside_the_worst() -> None:
    found = timing.summary([3.0, 2.0, 4.0], [5.0] * 999 + [100.0], [7.0, 9.0])
    assert (found.us, found.worst_round_us, found.max_us) == (2.0, 4.0, 100.0)
    assert found.p50_us == found.p99_us == 5.0
    assert found.p999_us == pytest.approx(5.1, abs=0.1)
    assert found.cold_us == 8.0


def test_every_time_is_that_of_the_contender(monkeypatch: pytest.MonkeyPatch) -> None:
    now_ns = 0

    def taking(us: int) -> Callable[[np.ndarray], np.ndarray]:
        def call(row: np.ndarray) -> np.ndarray:
            nonlocal now_ns
            now_ns += us * 1000
            return row

        return call

    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter_ns=lambda: now_ns))
    monkeypatch.setattr(timing, "COLD_CALLS", 2)
    obs = [np.zeros(4, np.float32)] * 4
    found = timing.alternate({"quick": (taking(1), obs), "slow": (taking(3000), obs)})
    assert set(astuple(found["quick"])) == {1.0}
    assert set(astuple(found["slow"])) == {3000.0}


def test_what_is_walked_before_a_cold_call_is_larger_than_a_cache() -> None:
    assert timing.evicted_bytes() >= 1 << 20
