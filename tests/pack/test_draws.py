"""Observations out of nothing: of three kinds, within their bounds, the same each time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn

from plasma_pack import build
from plasma_pack.draws import draw, runs
from tests.pack import networks


def drawn(low: object = 0, high: object = 0, sizes: tuple[int, ...] = (90, 32, 24)) -> np.ndarray:
    return draw(low, high, sizes, np.random.default_rng(0))


def test_each_kind_has_a_third_and_none_is_left_out() -> None:
    assert [(run.start, run.stop) for run in runs(10)] == [(0, 3), (3, 6), (6, 10)]


def test_noise_has_neighbours_unlike_blocks_few_values_and_waves_no_jumps() -> None:
    noise, blocks, waves = (drawn(-1, 1)[run] for run in runs(90))
    assert min(len(np.unique(row)) for row in noise) > 700
    assert max(len(np.unique(row)) for row in blocks) == 16
    jumps = [np.abs(np.diff(of, axis=1)).mean() / of.std() for of in (noise, waves)]
    assert jumps[1] < 0.6 * jumps[0]


def test_bounds_hold_element_by_element_and_without_any_the_spread_is_one() -> None:
    low, high = np.array([-4, 0, 3]), np.array([4, 0, 5])
    of = drawn(low, high, (300, 3))
    bounded = [0, 2]
    assert (low <= of)[:, bounded].all() and (of <= high)[:, bounded].all()
    assert (np.ptp(of, axis=0)[bounded] > 0.9 * (high - low)[bounded]).all()
    assert 0.5 < of[:, 1].std() < 2
    assert np.abs(of[:, 1]).max() > 2


def test_the_same_generator_draws_the_same() -> None:
    assert np.array_equal(drawn(0, 255), drawn(0, 255))
    assert drawn().dtype == np.float32


def test_the_kind_where_int8_is_worst_counts(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    """A sum of alternating signs sees noise, and hardly a wave: what int8 adds to that is no less."""
    alternating = nn.Linear(256, 1, bias=False)
    alternating.weight.data = torch.tensor([[1.0, -1.0] * 128]) / 16
    module = nn.Sequential(alternating, nn.Tanh())
    path = networks.export(module, (torch.zeros(1, 256),), tmp_path / "alternating.onnx")
    noise = networks.observations(1024, 256)
    told, plain = (
        build(path, key=key, golden=golden).report["outputs"][0] for golden in (noise, None)
    )
    assert plain["error_all_int8"] > 2 * told["error_all_int8"]
    assert (told["limit"], plain["limit"]) == (0.01, 0.0075)
