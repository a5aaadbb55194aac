# SPDX-License-Identifier: Apache-2.0
"""A program as records with names: what importers and the assembler make, and what layout and
sections encode.

Records are plain. They may say anything, also what the machine refuses: rules live in the validator
alone (C++), and the tests of that validator are written with these records.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from plasma_edge import _core

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.float32]


class DType(IntEnum):
    """Element types."""

    I8 = 1
    F16 = 2
    F32 = 3
    I32 = 4

    @property
    def numpy(self) -> np.dtype[Any]:
        return np.dtype(("<i1", "<f2", "<f4", "<i4")[self - 1])

    @property
    def text(self) -> str:
        return self.name.lower()


class Storage(IntEnum):
    """Where a tensor lives."""

    CONST = 0
    ARENA = 1
    STATE = 2
    INPUT = 3
    OUTPUT = 4


class OpcodeRow(NamedTuple):
    """One line of cpp/vm/opcodes.def."""

    code: int
    name: str
    mnemonic: str
    required: int
    optional: int
    immediates: int
    cost: int
    in_place: bool


_ROWS = [OpcodeRow(**row) for row in _core.opcodes()]
OPCODES = {row.mnemonic: row for row in _ROWS}
MNEMONICS = {row.code: row.mnemonic for row in _ROWS}


@dataclass(frozen=True, eq=False)
class Tensor:
    """A named tensor. `values` has dtype and dims (consts only); `offset` None lets layout choose
    it.
    """

    name: str
    dtype: DType
    dims: tuple[int, ...]
    storage: Storage
    values: Array | None = None
    scale: str | None = None
    offset: int | None = None

    @property
    def elements(self) -> int:
        return math.prod(self.dims)

    @property
    def nbytes(self) -> int:
        return self.elements * self.dtype.numpy.itemsize


@dataclass(frozen=True)
class Instruction:
    """`op output, inputs…, immediates…`; operands are tensor names."""

    op: str
    output: str
    inputs: tuple[str, ...]
    immediates: tuple[float, ...] = ()
    label: str | None = None


@dataclass(frozen=True)
class Io:
    """What people and devices know of an input or output tensor."""

    tensor: str
    name: str
    actuator: bool = False
    unit: str = ""
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True)
class Slot:
    """A `linear` (by its index) that adapters may patch."""

    instruction: int
    max_rank: int
    inputs: int
    outputs: int


@dataclass(frozen=True, eq=False)
class Safe:
    """Limits and safe action of one actuator output, each [n] in the output's dtype; max_delta is
    f32.
    """

    tensor: str
    low: Array
    high: Array
    max_delta: FloatArray
    safe: Array


@dataclass(frozen=True, eq=False)
class Program:
    """Tensors in table order, instructions in order of execution; `ios` inputs first."""

    tensors: tuple[Tensor, ...]
    instructions: tuple[Instruction, ...]
    ios: tuple[Io, ...]
    slots: tuple[Slot, ...] = ()
    slot_names: tuple[str, ...] = ()
    safes: tuple[Safe, ...] = ()

    def tensor(self, name: str) -> Tensor:
        return self._by_name[name]

    def index(self, name: str) -> int:
        return self._indices[name]

    def select(self, storage: Storage) -> Iterator[Tensor]:
        return (tensor for tensor in self.tensors if tensor.storage is storage)

    def writer(self, name: str) -> Instruction | None:
        """The instruction that writes a tensor."""
        return next((i for i in self.instructions if i.output == name), None)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {tensor.name: tensor for tensor in self.tensors})
        object.__setattr__(
            self, "_indices", {tensor.name: i for i, tensor in enumerate(self.tensors)}
        )

    _by_name: dict[str, Tensor] = field(init=False, repr=False, default_factory=dict)
    _indices: dict[str, int] = field(init=False, repr=False, default_factory=dict)


@dataclass(frozen=True, eq=False)
class Matrix:
    """An int8 matrix of an adapter: values i8 [rows, cols], scales f32 [rows]."""

    values: npt.NDArray[np.int8]
    scales: FloatArray


@dataclass(frozen=True, eq=False)
class Patch:
    """One LoRA patch: y += gain · (scale · B (A x) + bias). a [rank, in], b [out, rank], bias [out]
    or None.
    """

    slot: int
    scale: float
    a: Matrix
    b: Matrix
    bias: FloatArray | None = None
