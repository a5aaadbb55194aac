# SPDX-License-Identifier: Apache-2.0
"""One declaration of the text form, `KIND NAME TYPE options…`: a tensor and what goes with it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from plasma_pack.pasm.text import Line
from plasma_pack.program.program import Array, DType, Io, Safe, Storage, Tensor

MAX_ELEMENTS = 1 << 28


@dataclass
class Declaration:
    """A tensor with everything that its line says."""

    line: Line
    name: str
    dtype: DType
    dims: tuple[int, ...]
    storage: Storage
    actuator: bool = False
    io_name: str | None = None
    unit: str = ""
    range: tuple[float, float] = (0.0, 0.0)
    scale: str | None = None
    offset: int | None = None
    values: Array | None = None
    limits: dict[str, Array] = field(default_factory=dict)

    @property
    def tensor(self) -> Tensor:
        return Tensor(
            self.name, self.dtype, self.dims, self.storage, self.values, self.scale, self.offset
        )

    @property
    def io(self) -> Io:
        name = self.name if self.io_name is None else self.io_name
        return Io(self.name, name, self.actuator, self.unit, *self.range)

    @property
    def safe(self) -> Safe | None:
        """The SAFE record; None when the line gives no limits at all."""
        if not self.limits:
            return None
        missing = {"low", "high", "safe"} - self.limits.keys()
        if missing:
            names = ", ".join(sorted(missing))
            raise self.line.error(f"low, high and safe go together; missing: {names}")
        no_limit = np.zeros(math.prod(self.dims), np.float32)
        return Safe(
            self.name,
            self.limits["low"],
            self.limits["high"],
            self.limits.get("max_delta", no_limit),
            self.limits["safe"],
        )


def declare(line: Line, storage: Storage) -> Declaration:
    """Read a declaration up to the end of the line."""
    declaration = Declaration(line, line.name(), _dtype(line), _dims(line), storage)
    while not line.is_done:
        _option(line, declaration)
    return declaration


def _dtype(line: Line) -> DType:
    found = line.take("a type")
    for dtype in DType:
        if dtype.text == found:
            return dtype
    raise line.error(f"{found!r} is not a type; expected i8, f16, f32 or i32")


def _dims(line: Line) -> tuple[int, ...]:
    line.expect("[")
    dims = [line.integer()]
    while line.accept(","):
        dims.append(line.integer())
    line.expect("]")
    if len(dims) > 4 or any(not 0 <= dim < 1 << 32 for dim in dims):
        raise line.error("a tensor has 1 to 4 dimensions below 2^32")
    return tuple(dims)


def _option(line: Line, declaration: Declaration) -> None:
    word = line.take("an option")
    if word == "actuator":
        declaration.actuator = True
    elif word == "name":
        declaration.io_name = _text(line, 32)
    elif word == "unit":
        declaration.unit = _text(line, 16)
    elif word == "range":
        low, high = line.number(DType.F32), line.number(DType.F32)
        declaration.range = (float(low), float(high))
    elif word == "scale":
        declaration.scale = line.name()
    elif word == "@":
        declaration.offset = line.integer()
    elif word == "=":
        declaration.values = _filled(line, declaration.dtype, declaration.dims)
    elif word in ("low", "high", "safe", "max_delta"):
        dtype = DType.F32 if word == "max_delta" else declaration.dtype
        declaration.limits[word] = _filled(line, dtype, (math.prod(declaration.dims),))
    else:
        raise line.error(f"{word!r} cannot stand in a declaration")


def _text(line: Line, most: int) -> str:
    """A string that fits its field of `most` bytes."""
    text = line.string()
    if len(text) > most or any(ord(char) > 255 for char in text):
        raise line.error(f"expected a string of at most {most} characters below \\x100")
    return text


def _filled(line: Line, dtype: DType, dims: tuple[int, ...]) -> Array:
    """Numbers up to the next word; a single one fills the whole tensor."""
    numbers = []
    while line.is_number():
        numbers.append(line.number(dtype))
    elements = math.prod(dims)
    if elements > MAX_ELEMENTS:
        raise line.error(f"{elements} elements are too many to write down")
    if len(numbers) not in (1, elements):
        raise line.error(f"found {len(numbers)} numbers, expected {elements} (or one for all)")
    if len(numbers) == 1:
        return np.full(dims, numbers[0], dtype.numpy)
    return np.array(numbers, dtype.numpy).reshape(dims)
