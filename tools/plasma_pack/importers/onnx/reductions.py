# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that make one element of many, or choose among them, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.builder import Builder, Ids
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import DType

Convert = Callable[[Node], list[Ids]]
Reduce = Callable[[Builder, str, int], str]


def axes_of(node: Node, rank: int) -> list[int]:
    """An attribute before opset 18 (13 for sums), an operand since; without any, all."""
    given = node.attributes.get("axes")
    axes = node.constant(1, np.array([])).tolist() if given is None else given
    if not axes and node.attributes.get("noop_with_empty_axes", 0):
        raise node.error("reduces nothing; leave it out")
    return sorted(int(axis) % rank for axis in axes) or list(range(rank))


def reduction(reduce: Reduce) -> Convert:
    """reduce: (builder, x [rows, n] or [n], rows) → y [rows]."""

    def convert(node: Node) -> list[Ids]:
        ids = node.ids(0)
        axes = axes_of(node, ids.ndim)
        kept = [axis for axis in range(ids.ndim) if axis not in axes]
        rows = int(np.prod([ids.shape[axis] for axis in kept]))
        matrix = ids.transpose(kept + axes).reshape(rows, -1)
        x = node.builder.tensor(matrix, matrix.shape if rows > 1 else None)
        keeps = node.attributes.get("keepdims", 1)
        shape = [1 if i in axes else n for i, n in enumerate(ids.shape) if keeps or i in kept]
        return node.wrap(reduce(node.builder, x, rows), tuple(shape))

    return convert


def by(op: str) -> Reduce:
    return lambda builder, x, rows: builder.emit(op, [x], rows)


def _negated(builder: Builder, x: str) -> str:
    return builder.scale(x, np.full(builder.spans[x].elements, -1.0))


def _least(builder: Builder, x: str, rows: int) -> str:
    return _negated(builder, by("reduce_max")(builder, _negated(builder, x), rows))


def _sum_of_squares(builder: Builder, x: str, rows: int) -> str:
    return by("reduce_sum")(builder, builder.binary("mul", x, x), rows)


def _length(builder: Builder, x: str, rows: int) -> str:
    return builder.unary("sqrt", _sum_of_squares(builder, x, rows))


def _sum_of_sizes(builder: Builder, x: str, rows: int) -> str:
    return by("reduce_sum")(builder, builder.unary("abs", x), rows)


def _less_by_row(builder: Builder, x: str, amounts: str) -> str:
    """x [rows, n] − amounts [rows]."""
    dims = builder.spans[x].dims
    rows = builder.spans[amounts].elements
    repeated = np.repeat(builder.ids(amounts), builder.spans[x].elements // rows)
    return builder.binary("sub", x, builder.tensor(repeated, dims))


def _log_of_sum(builder: Builder, x: str, rows: int) -> tuple[str, str, str]:
    """m, x − m and log(sum(exp(x − m))), m the largest of each row: no exponential overflows."""
    most = by("reduce_max")(builder, x, rows)
    less = _less_by_row(builder, x, most)
    total = by("reduce_sum")(builder, builder.unary("exp", less), rows)
    return most, less, builder.unary("log", total)


def _log_sum_exp(builder: Builder, x: str, rows: int) -> str:
    most, _, total = _log_of_sum(builder, x, rows)
    return builder.binary("add", most, total)


def _log_softmax(node: Node) -> list[Ids]:
    """x − m − log(sum(exp(x − m))) along one axis."""
    ids = node.ids(0)
    axis = node.attributes.get("axis", -1) % ids.ndim
    moved = np.moveaxis(ids, axis, -1)
    rows = ids.size // ids.shape[axis]
    x = node.builder.tensor(moved, (rows, ids.shape[axis]) if rows > 1 else None)
    _, less, total = _log_of_sum(node.builder, x, rows)
    y = _less_by_row(node.builder, less, total)
    return [np.moveaxis(node.wrap(y, moved.shape)[0], -1, axis)]


def _choice(node: Node, default: int) -> tuple[Ids, int]:
    """The elements chosen among, and the axis that they lie along."""
    ids = node.ids(0)
    axis = node.attributes.get("axis", default) % ids.ndim
    if ids.shape[axis] != ids.size:
        raise node.error(f"picks along axis {axis} of {ids.shape}; expected the first of all")
    return ids, axis


def _arg(*, largest: bool) -> Convert:
    def convert(node: Node) -> list[Ids]:
        if node.attributes.get("select_last_index", 0):
            raise node.error("picks the last of equal ones; expected the first of all")
        ids, axis = _choice(node, 0)
        keeps = node.attributes.get("keepdims", 1)
        shape = tuple(1 if i == axis else n for i, n in enumerate(ids.shape) if keeps or i != axis)
        x = node.builder.tensor(ids)
        x = x if largest else _negated(node.builder, x)
        return node.wrap(node.builder.emit("argmax", [x], 1, dtype=DType.I32), shape)

    return convert


def _top_k(node: Node) -> list[Ids]:
    """Values and indices."""
    if not node.attributes.get("sorted", 1):
        raise node.error("gives its elements in no order; export with sorted=True")
    ids, axis = _choice(node, -1)
    count = int(node.constant(1).reshape(-1)[0])
    x = node.builder.tensor(ids)
    ranked = x if node.attributes.get("largest", 1) else _negated(node.builder, x)
    index = node.builder.emit("top_k", [ranked], count, dtype=DType.I32)
    values = node.builder.emit("gather", [x, index], count)
    shape = tuple(count if i == axis else 1 for i in range(ids.ndim))
    return [*node.wrap(values, shape), *node.wrap(index, shape)]


REDUCTIONS: dict[str, Convert] = {
    "ArgMax": _arg(largest=True),
    "ArgMin": _arg(largest=False),
    "LogSoftmax": _log_softmax,
    "ReduceL1": reduction(_sum_of_sizes),
    "ReduceL2": reduction(_length),
    "ReduceLogSumExp": reduction(_log_sum_exp),
    "ReduceMin": reduction(_least),
    "ReduceSum": reduction(by("reduce_sum")),
    "ReduceSumSquare": reduction(_sum_of_squares),
    "TopK": _top_k,
}
