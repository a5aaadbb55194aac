# SPDX-License-Identifier: Apache-2.0
"""Records of a pickle as numbers: numpy's arrays, scalars and dtypes.

An array is a view of the bytes that the file holds, so none can be larger than its file.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from plasma_pack.errors import SourceError
from plasma_pack.importers.state_dict.pickles import Name, Object

AnyArray = npt.NDArray[Any]
_KINDS = "biuf"
_SCALAR = "numpy._core.multiarray.scalar"
_FROM_BUFFER = "numpy._core.numeric._frombuffer"
_RECONSTRUCT = "numpy._core.multiarray._reconstruct"


def array(value: Any, what: str) -> AnyArray:
    """The array or number that a record stands for. Raises SourceError naming `what`."""
    try:
        if isinstance(value, (bool, int, float)):
            return np.array(value)
        if isinstance(value, (list, tuple)):
            return np.array([float(number) for number in value])
        if value.type == _SCALAR:
            return _view(value.args[1], dtype(value.args[0]), (), "C")
        if value.type == _FROM_BUFFER:
            buffer, kind, shape, order = value.args
            return _view(buffer, dtype(kind), shape, order)
        if value.type == _RECONSTRUCT:
            _, shape, kind, is_fortran, buffer = value.state
            return _view(buffer, dtype(kind), shape, "F" if is_fortran else "C")
        raise ValueError(f"found {value.type}")
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise SourceError(f"{what}: expected an array of numbers: {error}") from error


def dtype(value: Any) -> np.dtype[Any]:
    """A dtype, or the scalar type that some spaces keep in its place."""
    if isinstance(value, Name) and value.path.startswith("numpy."):
        return _numeric(value.path.removeprefix("numpy."))
    if not isinstance(value, Object) or value.type != "numpy.dtype":
        raise ValueError("found what is no dtype")
    is_big = bool(value.state) and value.state[1] == ">"
    return _numeric(str(value.args[0])).newbyteorder(">" if is_big else "<")


def _numeric(name: str) -> np.dtype[Any]:
    kind = np.dtype(name)
    if kind.kind not in _KINDS:
        raise ValueError(f"found dtype {name}")
    return kind


def _view(buffer: Any, kind: np.dtype[Any], shape: Any, order: str) -> AnyArray:
    if isinstance(buffer, str):
        buffer = buffer.encode("latin-1")
    if any(size < 0 for size in np.atleast_1d(shape)):
        raise ValueError(f"found shape {shape}")
    return np.frombuffer(buffer, kind).reshape(shape, order="F" if order == "F" else "C")
