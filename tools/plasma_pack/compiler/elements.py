# SPDX-License-Identifier: Apache-2.0
"""The elements of the tensors of a growing program, by number, and the tensors that hold them.

A vector in flight is an array of element ids: each names one element of one tensor. Moving elements
around (reshape, slice, split, concatenate) is then plain indexing, and only a vector that an
instruction reads must exist as a tensor. Part of a `linear`'s output becomes a smaller `linear`,
part of a state a state of its own; anything else that is a walk (moves.py) is a `strided`, and what
is none a `gather` with a constant index.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from plasma_pack.compiler.moves import MAX_AXES, Walk, walk_in, walk_through
from plasma_pack.errors import SourceError
from plasma_pack.program.program import Array, DType, Storage

Ids = npt.NDArray[np.int64]
Dims = tuple[int, ...]
MAX_OPERANDS = 8
MAX_ELEMENTS = 1 << 24  # of a tensor: every element has an id here
MAX_MIXED = 8  # times as many elements as are taken may be put together for it
HIDDEN = 1e30  # what hides a key; a sum with any score is finite


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


class Elements:
    """Operations in order of execution, the tensors they make, and a number for every element."""

    def __init__(self) -> None:
        self.ops: list[Op] = []
        self.made: dict[str, Op] = {}
        self.constants: dict[str, Array] = {}
        self.spans: dict[str, Span] = {}
        self._order: list[Span] = []
        self._next_id = 0
        self._parts: dict[tuple[str, int, int], str] = {}
        self._moved: dict[tuple[bytes, Dims | None], str] = {}
        self._sources: dict[str, Ids] = {}  # the elements that a moved tensor holds
        self._origins: dict[str, tuple[str, int, int]] = {}
        self._numbers: dict[str, str] = {}  # what holds an index as f32

    # ---- tensors and ids

    def declare(
        self, name: str, dims: int | Dims, storage: Storage, dtype: DType = DType.F32
    ) -> Ids:
        """A new tensor of these dims, or a vector; gives the ids of its elements."""
        span = Span(self._next_id, name, (dims,) if isinstance(dims, int) else dims, dtype, storage)
        if not 0 < span.elements <= MAX_ELEMENTS:
            raise SourceError(
                f"tensor {name!r} has shape {span.dims}, expected 1 to {MAX_ELEMENTS:,} elements"
            )
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

    def constant_ids(self, values: Array) -> Ids:
        """The elements of a constant; an infinite one is what hides a key from attention."""
        flat = np.asarray(values, np.float64).reshape(-1)
        held = flat if np.isfinite(flat).all() else np.clip(flat, -HIDDEN, HIDDEN)
        return self.ids(self.constant(held)).reshape(np.shape(values))

    def numbers(self, ids: Ids) -> Ids:
        """Elements as f32: instead of an index, the number that it is, from a table of numbers."""
        flat = ids.reshape(-1).copy()
        begin = 0
        for span, order in self._segments(flat):
            if span.dtype is DType.I32:
                flat[begin : begin + order.size] = self._numbered(span).first + order
            begin += order.size
        return flat.reshape(ids.shape)

    def _numbered(self, span: Span) -> Span:
        if span.name not in self._numbers:
            choices = self.spans[self.made[span.name].inputs[0]].elements
            table = self.constant(np.arange(choices))
            self._numbers[span.name] = self.emit("gather", [table, span.name], span.elements)
        return self.spans[self._numbers[span.name]]

    def tensor(self, ids: Ids, dims: Dims | None = None) -> str:
        """The tensor of these dims, a vector by default, that holds exactly these elements in this
        order; made by `strided`, `gather` and `concat` where needed.
        """
        return self._move(ids.reshape(-1), (ids.size,) if dims is None else dims)

    def _move(self, flat: Ids, dims: Dims | None) -> str:
        """A tensor of these elements; None: of the dims that take fewest instructions."""
        if flat.size == 0:
            raise SourceError("a value has no elements; export without empty tensors")
        key = (flat.tobytes(), dims)
        if key not in self._moved:
            segments = self._segments(flat)
            if len(segments) == 1:
                moved = self._take(*segments[0], dims)
            elif len(segments) > MAX_OPERANDS and (mixed := self._mix(segments)) is not None:
                moved = self._take(*mixed, dims)
            else:
                moved = self._join(
                    [self._take(*segment, (segment[1].size,)) for segment in segments]
                )
            self._moved[key] = moved if dims is None else self.shaped(moved, dims)
            self._sources.setdefault(self._moved[key], flat)
        return self._moved[key]

    def _segments(self, flat: Ids) -> list[tuple[Span, Ids]]:
        """(tensor, which of its elements) for each stretch of elements of one tensor."""
        firsts = np.array([span.first for span in self._order])
        owners = np.searchsorted(firsts, flat, side="right") - 1
        cuts = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), flat.size]
        spans = [self._order[owners[begin]] for begin in cuts[:-1]]
        parts = [flat[begin:end] for begin, end in zip(cuts, cuts[1:], strict=False)]
        return [(span, part - span.first) for span, part in zip(spans, parts, strict=True)]

    def _mix(self, segments: list[tuple[Span, Ids]]) -> tuple[Span, Ids] | None:
        """Many stretches of few tensors as elements of all these tensors together."""
        begins: dict[str, int] = {}
        total = 0
        for span, _ in segments:
            if span.name not in begins:
                begins[span.name] = total
                total += span.elements
        orders = [begins[span.name] + order for span, order in segments]
        order = np.concatenate(orders)
        if total > MAX_MIXED * order.size or len(begins) * 2 > len(segments):
            return None
        return self.spans[self._join(list(begins))], order

    def _take(self, span: Span, order: Ids, wanted: Dims | None) -> str:
        """Elements of one tensor, of the wanted dims if one instruction can do it."""
        is_whole = order.size == span.elements and is_identity(order)
        if is_whole and wanted in (None, span.dims):
            return span.name
        dims = (order.size,) if wanted is None else wanted
        if span.dtype is DType.I32:
            return self._take(self._numbered(span), order, wanted)
        if span.storage is Storage.CONST:
            return self.constant(self.constants[span.name].reshape(-1)[order].reshape(dims))
        if is_whole:
            return self.emit("concat", [span.name], dims)
        if is_identity(order - order[0]) and (len(dims) == 1 or span.storage is Storage.STATE):
            return self._part(span, int(order[0]), int(order[-1]) + 1)
        walk = walk_in(order.reshape(dims)) if len(dims) <= MAX_AXES else None
        walk = walk or walk_through(order)
        if walk is not None:
            return self.emit("strided", [span.name], walk.dims, immediates=walk.immediates)
        table = self.shaped(span.name, (span.elements,))
        index = self.constant(order.astype(np.float32))
        return self.emit("gather", [table, index], order.size)

    def arrange(self, ids: Ids) -> Arranged:
        """The tensor that holds exactly these elements in whatever order costs nothing: for
        operations to which all elements are alike, or whose constants can be moved instead.
        """
        pieces = self.pieces(ids.reshape(-1))
        if pieces is None:
            return Arranged(self._move(ids.reshape(-1), None), np.arange(ids.size))
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

    def without_signs(self, ids: Ids) -> tuple[Ids, Array]:
        """The elements that these are, but for their signs, and the signs: −x · c is x · −c."""
        flat, signs = ids.reshape(-1).copy(), np.ones(ids.size)
        begin = 0
        for span, order in self._segments(flat):
            part = slice(begin, begin + order.size)
            begin += order.size
            made = self.made.get(span.name)
            if made is None or made.op != "normalize" or made.constants[0].any():
                continue
            factors = made.constants[1].reshape(-1)[order]
            if (np.abs(factors) == 1).all():
                source = made.inputs[0]
                flat[part] = self._sources.get(source, self.ids(source))[order]
                signs[part] = factors
        return flat.reshape(ids.shape), signs.reshape(ids.shape)

    def channels_last(self, ids: Ids) -> str:
        """The tensor [height, width, channels] of a value [channels, height, width]."""
        return self.tensor(ids.transpose(1, 2, 0), (ids.shape[1], ids.shape[2], ids.shape[0]))

    def pieces(self, flat: Ids) -> list[Arranged] | None:
        """The whole tensors, each in an order of its own, that follow each other; None where a part
        of a tensor is used, or one again.
        """
        pieces: list[Arranged] = []
        for span, order in self._segments(flat):
            is_whole = np.array_equal(np.sort(order), np.arange(span.elements))
            if not is_whole or any(piece.name == span.name for piece in pieces):
                return None
            pieces.append(Arranged(span.name, order))
        return pieces

    def _join(self, parts: list[str]) -> str:
        parts = [
            self._numbered(self.spans[name]).name if self.spans[name].dtype is DType.I32 else name
            for name in parts
        ]
        while len(parts) > 1:
            group, parts = parts[:MAX_OPERANDS], parts[MAX_OPERANDS:]
            elements = sum(self.spans[name].elements for name in group)
            parts.insert(0, self.emit("concat", group, elements))
        return parts[0]

    def shaped(self, name: str, dims: Dims) -> str:
        """The same elements as a tensor of these dims."""
        made = self.made.get(name)
        if self.spans[name].dims == dims:
            return name
        if name in self._sources:
            return self._move(self._sources[name], dims)
        sources = made.inputs if made is not None and made.op == "concat" else (name,)
        return self.emit("concat", sources, dims)

    def span_of(self, element: int) -> Span:
        return self._order[bisect_right(self._order, element, key=lambda span: span.first) - 1]

    def _part(self, span: Span, begin: int, end: int) -> str:
        if (begin, end) == (0, span.elements):
            return span.name
        key = (span.name, begin, end)
        if key not in self._parts:
            self._parts[key] = self._make_part(span, begin, end)
            self._origins[self._parts[key]] = key
        return self._parts[key]

    def state_part(self, state: str, begin: int, end: int) -> str:
        """The state that holds these elements of a declared one."""
        return self._part(self.spans[state], begin, end)

    def origin(self, name: str) -> tuple[str, int, int]:
        """(tensor, begin, end) that a tensor is a part of; itself when it is whole."""
        return self._origins.get(name, (name, 0, self.spans[name].elements))

    def _make_part(self, span: Span, begin: int, end: int) -> str:
        op = self.made.get(span.name)
        if span.storage is Storage.STATE:
            name = f"{span.name}[{begin}:{end}]"
            self.declare(name, end - begin, Storage.STATE)
            return name
        if op is not None and op.op == "linear" and len(span.dims) == 1:
            label = f"{op.label}[{begin}:{end}]"
            return self.emit(
                "linear", op.inputs, end - begin, [c[begin:end] for c in op.constants], label=label
            )
        walk = Walk(begin, (end - begin,), (1,))
        return self.emit("strided", [span.name], end - begin, immediates=walk.immediates)

    def _fresh(self, prefix: str) -> str:
        return f"%{prefix}{len(self.spans)}"  # no io is called so: % cannot stand in an identifier

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


def is_identity(order: Ids) -> bool:
    return np.array_equal(order, np.arange(order.size))
