# SPDX-License-Identifier: Apache-2.0
"""Float weights to int8, symmetric per output row: w ≈ scale · q, |q| ≤ 127, round half to even.

There is no zero point and −128 is never made: the range is symmetric, which is what lets every
kernel use it (ISA.md).
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from plasma_pack.errors import SourceError
from plasma_pack.program.program import Array, Matrix

LEAST_SCALE = np.float32(2.0**-40)
GREATEST_SCALE = np.float32(2.0**40)


def quantize(weights: Array, what: str = "weights") -> Matrix:
    """weights: float [rows, cols] → Matrix with values int8 [rows, cols], scales float32 [rows].

    scale = max|row| / 127; 1 for a row of zeros; at least 2^-40, below which a row is as good as
    zero. Raises SourceError when a weight is not finite or a scale would exceed 2^40.
    """
    rows = np.asarray(weights, np.float32)
    if not np.isfinite(rows).all():
        raise SourceError(f"{what} holds NaN or infinity; train again or load another checkpoint")
    scales = row_scales(rows)
    if (scales > GREATEST_SCALE).any():
        raise SourceError(f"{what} holds {np.abs(rows).max():.3g}, expected at most 127 · 2^40")
    ratios = rows.astype(np.float64) / scales.astype(np.float64)[:, None]
    return Matrix(np.clip(np.rint(ratios), -127, 127).astype(np.int8), scales)


def row_scales(rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 [rows, cols] → float32 [rows]."""
    peaks = np.abs(rows).max(axis=1)
    scales = np.maximum(peaks / np.float32(127), LEAST_SCALE)
    return np.where(peaks == 0, np.float32(1), scales).astype(np.float32)


def dequantize(matrix: Matrix) -> npt.NDArray[np.float32]:
    """The float32 [rows, cols] that a quantised matrix stands for."""
    return (matrix.values.astype(np.float32) * matrix.scales[:, None]).astype(np.float32)
