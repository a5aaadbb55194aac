"""The doors of the runtime under pytest-benchmark: load, attach, swap, step, rows.

.venv/bin/python -m pytest benchmarks/test_doors.py --benchmark-columns=min,median,max
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture
from tests.flights import KEY, WIDTH, write_packets

import plasma_edge as pe

ROWS = 64


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A 19-250-133-7 policy and an adapter of rank 6 on two of its layers."""
    work = tmp_path_factory.mktemp("packets")
    return write_packets(work, work)[2]


@pytest.fixture
def load(folder: Path) -> Callable[[], pe.Policy]:
    packet = (folder / "base.plasma").read_bytes()
    trust = pe.TrustStore.of(KEY.public_key().public_bytes_raw())
    return lambda: pe.Policy.load(packet, trust=trust)


def obs(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape, dtype=np.float32)


def test_load(benchmark: BenchmarkFixture, load: Callable[[], pe.Policy]) -> None:
    benchmark(load)


def test_attach(benchmark: BenchmarkFixture, load: Callable[[], pe.Policy], folder: Path) -> None:
    adapter = (folder / "adapter.plasma").read_bytes()

    def fresh() -> tuple[tuple[Any, ...], dict[str, Any]]:
        return (load(),), {}

    benchmark.pedantic(lambda policy: policy.attach(adapter, name="a"), setup=fresh, rounds=200)


def test_set_gains(
    benchmark: BenchmarkFixture, load: Callable[[], pe.Policy], folder: Path
) -> None:
    policy = load()
    policy.attach(folder / "adapter.plasma", name="a")
    gains = cycle([{"a": 0.0}, {"a": 1.0}]).__next__
    benchmark(lambda: policy.set_gains(gains()))


def test_step(benchmark: BenchmarkFixture, load: Callable[[], pe.Policy]) -> None:
    benchmark(load(), obs(WIDTH))


def test_step_into(benchmark: BenchmarkFixture, load: Callable[[], pe.Policy]) -> None:
    benchmark(load().step, obs(WIDTH), out=np.empty(7, np.float32))


def test_step_batch(benchmark: BenchmarkFixture, load: Callable[[], pe.Policy]) -> None:
    benchmark(load().step_batch, obs(ROWS, WIDTH))
