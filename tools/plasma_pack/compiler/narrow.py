# SPDX-License-Identifier: Apache-2.0
"""Leaves out the rows that nobody reads: a policy that acts on its last token computes the last
layers for that token alone.

Rows of the last dimension, as the instructions see them. What a `strided` reads of a tensor is asked
of the instruction that makes it, and so on upwards as long as rows do not mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Op
from plasma_pack.compiler.moves import Walk, extent
from plasma_pack.program.program import OPCODES, Array, Storage

Rows = tuple[int, int]
_OF_ONE_ROW = ("linear", "layer_norm", "rms_norm")  # these have constants of one row, not of all


def narrow(builder: Builder, ops: Sequence[Op]) -> list[Op]:
    """The operations, those that make unread rows replaced by smaller ones."""
    wanted = _wanted(builder, ops)
    narrowing = _Narrowing(builder, wanted)
    for op in ops:
        narrowing.add(op)
    return narrowing.ops


def _wanted(builder: Builder, ops: Sequence[Op]) -> dict[str, Rows]:
    """The rows of each tensor from the first to the last that somebody reads."""
    wanted: dict[str, Rows] = {}
    for op in reversed(ops):
        is_root = builder.spans[op.output].storage is not Storage.ARENA
        rows = _all(builder, op.output) if is_root else wanted[op.output]
        for position, name in enumerate(op.inputs):
            begin, end = _read(builder, op, position, rows)
            before = wanted.get(name, (begin, end))
            wanted[name] = min(begin, before[0]), max(end, before[1])
    return wanted


def _read(builder: Builder, op: Op, position: int, rows: Rows) -> Rows:
    """The rows of an operand that these rows of the result come from."""
    name = op.inputs[position]
    if op.op == "strided":
        n = builder.spans[name].dims[-1]
        first, last = extent(builder.spans[op.output].dims, op.immediates)
        return first // n, last // n + 1
    return rows if _goes_by_row(builder, op, position) else _all(builder, name)


def _goes_by_row(builder: Builder, op: Op, position: int) -> bool:
    """Whether row t of the result comes from row t of this operand alone."""
    if op.op == "attention" and position in (1, 2):
        return False
    is_row_wise = OPCODES[op.op].in_place or op.op in ("linear", "attention")
    return is_row_wise and _all(builder, op.inputs[position]) == _all(builder, op.output)


def _all(builder: Builder, name: str) -> Rows:
    span = builder.spans[name]
    return 0, span.elements // span.dims[-1]


class _Narrowing:
    def __init__(self, builder: Builder, wanted: dict[str, Rows]) -> None:
        self.builder = builder
        self.wanted = wanted
        self.ops: list[Op] = []
        self.made: dict[str, str] = {}  # what holds the wanted rows of a tensor, and no others

    def add(self, op: Op) -> None:
        rows = self.wanted.get(op.output)
        if rows is not None and rows != _all(self.builder, op.output) and self._is_row_wise(op):
            self._add_rows(op, rows)
        elif op.op == "strided" and op.inputs[0] in self.made:
            source = op.inputs[0]
            left_out = self.wanted[source][0] * self.builder.spans[source].dims[-1]
            begin, *strides = op.immediates
            immediates = (begin - left_out, *strides)
            self.ops.append(replace(op, inputs=(self.made[source],), immediates=immediates))
        else:
            self.ops.append(op)

    def _is_row_wise(self, op: Op) -> bool:
        return _goes_by_row(self.builder, op, 0)

    def _add_rows(self, op: Op, rows: Rows) -> None:
        inputs = [
            self._rows(name, rows) if _goes_by_row(self.builder, op, position) else name
            for position, name in enumerate(op.inputs)
        ]
        constants = op.constants
        if op.op not in _OF_ONE_ROW:
            constants = tuple(self._constant_rows(op, values, rows) for values in constants)
        dims = (rows[1] - rows[0], self.builder.spans[op.output].dims[-1])
        name = self.builder.emit(op.op, inputs, dims, constants, op.immediates, op.label)
        self.ops.append(self.builder.made[name])
        self.made[op.output] = name

    def _constant_rows(self, op: Op, values: Array, rows: Rows) -> Array:
        n = self.builder.spans[op.output].dims[-1]
        return values.reshape(-1, n)[slice(*rows)].reshape(-1)

    def _rows(self, name: str, rows: Rows) -> str:
        """These rows of a tensor, as a tensor."""
        span = self.builder.spans[name]
        held = self.wanted[name] if name in self.made else _all(self.builder, name)
        if held == rows:
            return self.made.get(name, name)
        n = span.dims[-1]
        if span.storage is Storage.CONST:
            return self.builder.constant(self.builder.constants[name].reshape(-1, n)[slice(*rows)])
        walk = Walk((rows[0] - held[0]) * n, (rows[1] - rows[0], n), (n, 1))
        part = self.builder.emit(
            "strided", [self.made.get(name, name)], walk.dims, immediates=walk.immediates
        )
        self.ops.append(self.builder.made[part])
        return part
