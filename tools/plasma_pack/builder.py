# SPDX-License-Identifier: Apache-2.0
"""Grows a program from vector operations, the way importers meet them, and folds what belongs
together.

A vector in flight is an array of element ids: each names one element of one tensor. Moving elements
around (reshape, slice, split, concatenate) is then plain indexing, and only a vector that an
instruction reads must exist as a tensor. Part of a `linear`'s output becomes a smaller `linear`,
part of a state a state of its own, any other part a `slice`.

Folding happens when an operation is added, and leaves the replaced one to be swept away if nothing
else reads it: x + c after a bias-free `linear` is its bias; (x − m) · s is one `normalize`;
tanh · a + b is `squash`; a gain after `rms_norm` is its gain; x · sigmoid(x) is `silu`; a
written-out GRU or LSTM cell is its own instruction. Nothing is reordered, so results differ from
the source's by the last bit at most.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .cell_fold import find_cell
from .errors import SourceError
from .program import Array, DType, Storage

Ids = npt.NDArray[np.int64]
Dims = tuple[int, ...]
MAX_OPERANDS = 8


@dataclass(frozen=True, eq=False)
class Op:
    """`op output, inputs…, constants…, immediates…`; a constant is f32 or f64 [n], [rows, cols] for
    weights or [out, height, width, channels] for kernels.
    """

    op: str
    output: str
    inputs: tuple[str, ...]
    constants: tuple[Array, ...] = ()
    immediates: tuple[float, ...] = ()
    label: str | None = None


@dataclass(frozen=True)
class Span:
    """A tensor and the ids of its elements."""

    first: int
    name: str
    dims: Dims
    dtype: DType
    storage: Storage

    @property
    def elements(self) -> int:
        return math.prod(self.dims)


@dataclass(frozen=True)
class Arranged:
    """A value as it lies in memory: its element k is element order[k] of the tensor."""

    name: str
    order: Ids

    def constant(self, values: Array) -> Array:
        """[…, n] that belongs to the value's elements → to the tensor's."""
        moved = np.empty_like(values)
        moved[..., self.order] = values
        return moved


class Builder:
    """Operations in order of execution, and the tensors they make."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.made: dict[str, Op] = {}
        self.constants: dict[str, Array] = {}
        self.spans: dict[str, Span] = {}
        self._order: list[Span] = []
        self._next_id = 0
        self._parts: dict[tuple[str, int, int], str] = {}
        self._origins: dict[str, tuple[str, int, int]] = {}

    # ---- tensors and ids

    def declare(
        self, name: str, dims: int | Dims, storage: Storage, dtype: DType = DType.F32
    ) -> Ids:
        """A new tensor of these dims, or a vector; gives the ids of its elements."""
        span = Span(self._next_id, name, (dims,) if isinstance(dims, int) else dims, dtype, storage)
        self.spans[name] = span
        self._order.append(span)
        self._next_id += span.elements
        return self.ids(name)

    def ids(self, name: str) -> Ids:
        span = self.spans[name]
        return np.arange(span.first, span.first + span.elements, dtype=np.int64)

    def constant(self, values: Array) -> str:
        """A constant as an operand of its own."""
        name = self._fresh("k")
        self.declare(name, values.shape, Storage.CONST)
        self.constants[name] = np.asarray(values, np.float32)
        return name

    def tensor(self, ids: Ids) -> str:
        """The vector that holds exactly these elements in this order; made by slicing, `concat` and
        `channels_first` where needed.
        """
        flat = ids.reshape(-1)
        if is_repeated(flat):
            return self._repeated(flat[:1], flat.size)
        pieces = self.pieces(flat)
        if pieces is None:
            joined = self._join(
                [self._part(span, begin, end) for span, begin, end in self._runs(flat)]
            )
        else:
            joined = self._join([self._in_order(piece) for piece in pieces])
        return self.shaped(joined, (ids.size,))

    def arrange(self, ids: Ids) -> Arranged:
        """The tensor that holds exactly these elements in whatever order costs nothing: for
        operations to which all elements are alike, or whose constants can be moved instead.
        """
        pieces = self.pieces(ids.reshape(-1))
        if pieces is None:
            return Arranged(self.tensor(ids), np.arange(ids.size))
        if len(pieces) == 1:
            return pieces[0]
        begins = np.cumsum([0, *(piece.order.size for piece in pieces)])
        order = np.concatenate(
            [piece.order + begin for piece, begin in zip(pieces, begins, strict=False)]
        )
        return Arranged(self._join([piece.name for piece in pieces]), order)

    def arranged_ids(self, name: str, order: Ids) -> Ids:
        """The ids of a value that lies in a tensor in this order."""
        return self.spans[name].first + order

    def channels_last(self, ids: Ids) -> str:
        """The tensor [height, width, channels] of a value [channels, height, width]."""
        channels, height, width = ids.shape
        pieces = self.pieces(ids.reshape(-1))
        if pieces is not None and len(pieces) == 1 and self._is_image(pieces[0], ids.shape):
            return pieces[0].name
        exact = pieces is not None and len(pieces) == 1 and is_identity(pieces[0].order)
        source = pieces[0].name if pieces is not None and exact else self.tensor(ids)
        return self.emit("channels_last", [source], (height, width, channels))

    def pieces(self, flat: Ids) -> list[Arranged] | None:
        """The whole tensors, each in an order of its own, that follow each other; None where a part
        of a tensor is used, or one element again and again.
        """
        if is_repeated(flat):
            return None
        pieces = []
        while flat.size:
            span = self.span_of(int(flat[0]))
            order = flat[: span.elements] - span.first
            if not np.array_equal(np.sort(order), np.arange(span.elements)):
                return None
            pieces.append(Arranged(span.name, order))
            flat = flat[span.elements :]
        return pieces

    def _in_order(self, piece: Arranged) -> str:
        """A whole tensor in the value's order, of any shape."""
        dims = self.spans[piece.name].dims
        if is_identity(piece.order):
            return piece.name
        if len(dims) == 3 and self._is_image(piece, (dims[2], dims[0], dims[1])):
            return self.emit("channels_first", [piece.name], math.prod(dims))
        return self._join(
            [self._part(*run) for run in self._runs(piece.order + self.spans[piece.name].first)]
        )

    def _is_image(self, piece: Arranged, shape: Dims) -> bool:
        """Whether a value of shape [channels, height, width] lies as [height, width, channels]."""
        channels, height, width = shape
        last = np.arange(piece.order.size).reshape(height, width, channels)
        return self.spans[piece.name].dims == last.shape and np.array_equal(
            piece.order, last.transpose(2, 0, 1).reshape(-1)
        )

    def _repeated(self, element: Ids, count: int) -> str:
        """One element so many times, by way of eight, sixty-four, …"""
        block, parts = self.tensor(element), []
        while count > 0:
            parts += [block] * (count % MAX_OPERANDS)
            count //= MAX_OPERANDS
            if count > 0:
                block = self._join([block] * MAX_OPERANDS)
        return self._join(parts)

    def _join(self, parts: list[str]) -> str:
        while len(parts) > 1:
            group, parts = parts[:MAX_OPERANDS], parts[MAX_OPERANDS:]
            elements = sum(self.spans[name].elements for name in group)
            parts.insert(0, self.emit("concat", group, elements))
        return parts[0]

    def shaped(self, name: str, dims: Dims) -> str:
        """The same elements as a tensor of these dims."""
        if self.spans[name].dims == dims:
            return name
        made = self.made.get(name)
        if made is not None and made.op in ("concat", "slice"):
            return self.emit(made.op, made.inputs, dims, immediates=made.immediates)
        return self.emit("concat", [name], dims)

    def dtype(self, ids: Ids) -> DType:
        return self.span_of(int(ids.reshape(-1)[0])).dtype

    def span_of(self, element: int) -> Span:
        return self._order[bisect_right(self._order, element, key=lambda span: span.first) - 1]

    def _runs(self, ids: Ids) -> list[tuple[Span, int, int]]:
        """Stretches of neighbouring elements of one tensor: (tensor, begin, end)."""
        runs: list[tuple[Span, int, int]] = []
        for element in ids.tolist():
            if runs:
                span, begin, end = runs[-1]
                if element == span.first + end and end < span.elements:
                    runs[-1] = (span, begin, end + 1)
                    continue
            span = self.span_of(element)
            runs.append((span, element - span.first, element - span.first + 1))
        return runs

    def _part(self, span: Span, begin: int, end: int) -> str:
        if (begin, end) == (0, span.elements):
            return span.name
        key = (span.name, begin, end)
        if key not in self._parts:
            self._parts[key] = self._make_part(span, begin, end)
            self._origins[self._parts[key]] = key
        return self._parts[key]

    def origin(self, name: str) -> tuple[str, int, int]:
        """(tensor, begin, end) that a tensor is a part of; itself when it is whole."""
        return self._origins.get(name, (name, 0, self.spans[name].elements))

    def _make_part(self, span: Span, begin: int, end: int) -> str:
        op = self.made.get(span.name)
        if span.storage is Storage.CONST:
            return self.constant(self.constants[span.name].reshape(-1)[begin:end])
        if span.storage is Storage.STATE:
            name = f"{span.name}[{begin}:{end}]"
            self.declare(name, end - begin, Storage.STATE)
            return name
        if op is not None and op.op == "linear" and len(span.dims) == 1:
            label = f"{op.label}[{begin}:{end}]"
            return self.emit(
                "linear", op.inputs, end - begin, [c[begin:end] for c in op.constants], label=label
            )
        return self.emit("slice", [span.name], end - begin, immediates=(float(begin),))

    def _fresh(self, prefix: str) -> str:
        return f"%{prefix}{len(self.spans)}"  # no io is called so: % cannot stand in an identifier

    # ---- operations

    def emit(
        self,
        op: str,
        inputs: list[str] | tuple[str, ...],
        dims: int | Dims,
        constants: list[Array] | tuple[Array, ...] = (),
        immediates: tuple[float, ...] = (),
        label: str | None = None,
        dtype: DType = DType.F32,
    ) -> str:
        """Add an operation; gives the name of its output."""
        name = self._fresh("t")
        self.declare(name, dims, Storage.ARENA, dtype)
        self.made[name] = Op(op, name, tuple(inputs), tuple(constants), immediates, label)
        self.ops.append(self.made[name])
        return name

    def linear(self, x: str, weights: Array, bias: Array | None, label: str) -> str:
        """W x + b, for x or for each row of it; weights [rows, cols], bias [rows] or None."""
        span = self.spans[x]
        if weights.ndim != 2 or weights.shape[1] not in (span.elements, span.dims[-1]):
            raise SourceError(
                f"the weights of {label} have shape {weights.shape}, "
                f"expected [out, {span.dims[-1]}]"
            )
        rows = len(weights)
        dims = (rows,) if weights.shape[1] == span.elements else (*span.dims[:-1], rows)
        constants = [np.asarray(weights, np.float32)]
        if bias is not None and np.any(bias):
            constants.append(np.asarray(bias, np.float32))
        return self.emit("linear", [x], dims, constants, label=label)

    def unary(self, op: str, x: str, immediates: tuple[float, ...] = ()) -> str:
        return self.emit(op, [x], self.spans[x].dims, immediates=immediates)

    def binary(self, op: str, a: str, b: str) -> str:
        """add, sub or mul of two vectors; silu or a recurrent cell where that is what it
        computes.
        """
        if op == "mul":
            for x, gate in ((a, b), (b, a)):
                made = self.made.get(gate)
                if made is not None and made.op == "sigmoid" and made.inputs == (x,):
                    return self.unary("silu", x)
        cell = find_cell(self, op, (a, b))
        if cell is not None:
            return self.emit(
                cell.op, [cell.gi, cell.gh, cell.state], self.spans[cell.state].elements
            )
        return self.emit(op, [a, b], self.spans[a].dims)

    def shift(self, x: str, amount: Array) -> str:
        """x + amount, amount f64 [n]."""
        made = self.made.get(x)
        row = self._row(x, amount)
        if made is not None and row is not None:
            if made.op == "linear" and len(made.constants) == 1:
                return self.linear(made.inputs[0], made.constants[0], row, made.label or "")
            if made.op == "conv2d" and len(made.constants) == 1:
                return self.again(made, *made.constants, row)
            if made.op == "layer_norm" and not made.constants[1].any():
                return self.again(made, made.constants[0], row)
        if made is not None and made.op in ("tanh", "squash"):
            scale, offset = _squash_of(made, len(amount))
            return self._squash(made.inputs[0], scale, offset + amount)
        return self._normalize(x, -amount, np.ones_like(amount))

    def scale(self, x: str, factor: Array) -> str:
        """x · factor, factor f64 [n]."""
        made = self.made.get(x)
        row = self._row(x, factor)
        if made is not None and row is not None and made.op in ("rms_norm", "layer_norm"):
            gain, *bias = made.constants
            if (gain == 1).all() and not np.any(bias):
                return self.again(made, row, *bias)
        if made is not None and made.op in ("tanh", "squash"):
            scale, offset = _squash_of(made, len(factor))
            return self._squash(made.inputs[0], scale * factor, offset * factor)
        if made is not None and made.op == "normalize" and (made.constants[1] == 1).all():
            return self._normalize(made.inputs[0], made.constants[0], factor)
        return self._normalize(x, np.zeros_like(factor), factor)

    def again(self, op: Op, *constants: Array) -> str:
        """The same operation with other constants."""
        dims = self.spans[op.output].dims
        return self.emit(op.op, op.inputs, dims, constants, op.immediates, op.label)

    def _row(self, x: str, values: Array) -> Array | None:
        """The one row of values that every row of x meets."""
        rows = values.reshape(-1, self.spans[x].dims[-1])
        return rows[0] if (rows == rows[0]).all() else None

    def _normalize(self, x: str, mean: Array, scale: Array) -> str:
        return self.emit("normalize", [x], self.spans[x].dims, [mean, scale])

    def _squash(self, x: str, scale: Array, offset: Array) -> str:
        return self.emit("squash", [x], self.spans[x].dims, [scale, offset])


def is_repeated(flat: Ids) -> bool:
    return flat.size > 1 and bool((flat == flat[0]).all())


def is_identity(order: Ids) -> bool:
    return np.array_equal(order, np.arange(order.size))


def _squash_of(made: Op, n: int) -> tuple[Array, Array]:
    if made.op == "tanh":
        return np.ones(n), np.zeros(n)
    return made.constants[0], made.constants[1]
