"""int8 rows: symmetric, within half a step, never −128."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from plasma_pack import SourceError
from plasma_pack.compiler.quantize import dequantize, quantize

WEIGHTS = hnp.arrays(
    np.float32,
    st.tuples(st.integers(1, 5), st.integers(1, 9)),
    elements=st.floats(-1e6, 1e6, width=32),
)


@given(WEIGHTS)
def test_every_weight_is_within_half_a_step(weights: np.ndarray) -> None:
    matrix = quantize(weights)
    error = np.abs(dequantize(matrix).astype(np.float64) - weights)
    assert (error <= 0.5001 * matrix.scales[:, None] + 1e-12).all()
    assert np.abs(matrix.values.astype(int)).max() <= 127


@given(WEIGHTS)
def test_scales_are_those_the_validator_accepts(weights: np.ndarray) -> None:
    scales = quantize(weights).scales
    assert scales.dtype == np.float32
    assert ((scales >= 2.0**-40) & (scales <= 2.0**40)).all()


def test_the_largest_weight_of_a_row_becomes_127() -> None:
    matrix = quantize(np.array([[0.5, -1.0], [3.0, 0.0]], np.float32))
    np.testing.assert_array_equal(matrix.values, [[64, -127], [127, 0]])
    np.testing.assert_array_equal(matrix.scales, np.array([1, 3], np.float32) / np.float32(127))


def test_halves_go_to_the_even_neighbour() -> None:
    matrix = quantize(np.array([[127, 0.5, 1.5, 2.5, -0.5, -1.5]], np.float32))
    np.testing.assert_array_equal(matrix.values, [[127, 0, 2, 2, 0, -2]])


def test_a_row_of_zeros_has_scale_one() -> None:
    matrix = quantize(np.zeros((2, 3), np.float32))
    np.testing.assert_array_equal(matrix.scales, [1, 1])
    assert not matrix.values.any()


def test_a_row_too_small_for_a_scale_is_as_good_as_zero() -> None:
    matrix = quantize(np.full((1, 2), 1e-30, np.float32))
    assert matrix.scales[0] == np.float32(2.0**-40)
    assert not matrix.values.any()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(SourceError, match="fc holds NaN or infinity"):
        quantize(np.array([[1.0, bad]], np.float32), "fc")


def test_weights_too_large_for_a_scale_are_refused() -> None:
    with pytest.raises(SourceError, match="expected at most"):
        quantize(np.array([[1e30]], np.float32))
