# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that make one element of many, or choose among them, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import DType

Convert = Callable[[Node], list[Ids] | None]
Reduce = Callable[[Builder, str, int], str]
MAX_CHOICES = 512  # rows, each with instructions of its own


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


def _log_softmax(node: Node) -> list[Ids] | None:
    """x − m − log(sum(exp(x − m))) along one axis; as older opsets mean it, see Softmax there."""
    if node.graph.opset < 13:
        return None
    ids = node.ids(0)
    axis = node.attributes.get("axis", -1) % ids.ndim
    moved = np.moveaxis(ids, axis, -1)
    rows = ids.size // ids.shape[axis]
    x = node.builder.tensor(moved, (rows, ids.shape[axis]) if rows > 1 else None)
    _, less, total = _log_of_sum(node.builder, x, rows)
    y = _less_by_row(node.builder, less, total)
    return [np.moveaxis(node.wrap(y, moved.shape)[0], -1, axis)]


def _rows_along(node: Node, axis: int) -> Ids:
    """[R, n]: the elements along an axis, for each place of the others."""
    moved = np.moveaxis(node.ids(0), axis, -1)
    if moved.size // moved.shape[-1] > MAX_CHOICES:
        raise node.error(f"chooses {moved.size // moved.shape[-1]} times; at most {MAX_CHOICES}")
    return moved.reshape(-1, moved.shape[-1])


def _arg(*, largest: bool) -> Convert:
    """An `argmax` for each row; of equal ones the last is the first of the reversed."""

    def convert(node: Node) -> list[Ids]:
        ids, builder = node.ids(0), node.builder
        axis = node.attributes.get("axis", 0) % ids.ndim
        is_last = bool(node.attributes.get("select_last_index", 0))
        found = []
        for row in _rows_along(node, axis):
            x = builder.tensor(row[::-1] if is_last else row)
            x = x if largest else _negated(builder, x)
            found.append(builder.ids(builder.emit("argmax", [x], 1, dtype=DType.I32)))
        index = np.concatenate(found)
        if is_last:
            places = builder.tensor(builder.numbers(index))
            back = builder.scale(places, np.full(index.size, -1.0))
            index = builder.ids(builder.shift(back, np.full(index.size, ids.shape[axis] - 1.0)))
        keeps = node.attributes.get("keepdims", 1)
        shape = tuple(1 if i == axis else n for i, n in enumerate(ids.shape) if keeps or i != axis)
        return [index.reshape(shape)]

    return convert


def _top_k(node: Node) -> list[Ids]:
    """Values and indices, row by row; sorted, whether or not that is asked."""
    ids, builder = node.ids(0), node.builder
    axis = node.attributes.get("axis", -1) % ids.ndim
    count = int(node.constant(1).reshape(-1)[0])
    if not 1 <= count <= ids.shape[axis]:
        raise node.error(f"takes {count} of {ids.shape[axis]}; expected 1 to as many")
    rows = _rows_along(node, axis)
    results: list[list[Ids]] = [[], []]
    for row in rows:
        x = builder.tensor(row)
        ranked = x if node.attributes.get("largest", 1) else _negated(builder, x)
        index = builder.emit("top_k", [ranked], count, dtype=DType.I32)
        results[0].append(builder.ids(builder.emit("gather", [x, index], count)))
        results[1].append(builder.ids(index))
    moved = (*np.moveaxis(ids, axis, -1).shape[:-1], count)
    return [np.moveaxis(np.concatenate(part).reshape(moved), -1, axis) for part in results]


def _one_hot(node: Node) -> list[Ids]:
    """Row `index` of a table of `depth` rows."""
    index, depth = node.index(0), int(node.constant(1).reshape(-1)[0])
    off, on = (float(v) for v in node.constant(2).reshape(-1))
    node.broadcast((depth, depth))
    table = node.builder.constant(np.where(np.eye(depth, dtype=bool), on, off))
    y = node.builder.emit("gather", [table, node.builder.tensor(index)], (index.size, depth))
    found = node.builder.ids(y).reshape(*index.shape, depth)
    return [np.moveaxis(found, -1, node.attributes.get("axis", -1))]


def _hardmax(node: Node) -> list[Ids]:
    """1 at the first largest element, 0 elsewhere."""
    ids, builder = node.ids(0), node.builder
    first = 1 if node.graph.opset < 13 else -1
    axis = node.attributes.get("axis", first) % ids.ndim
    if node.graph.opset < 13 and np.prod(ids.shape[axis + 1 :]) != 1:
        raise node.error("is older than opset 13 and not along the last axis; export anew")
    rows = _rows_along(node, axis)
    table = builder.constant(np.eye(rows.shape[1]))
    best = [builder.emit("argmax", [builder.tensor(row)], 1, dtype=DType.I32) for row in rows]
    hot = [builder.emit("gather", [table, index], (1, rows.shape[1])) for index in best]
    y = np.concatenate([builder.ids(name) for name in hot])
    return [np.moveaxis(y.reshape(np.moveaxis(ids, axis, -1).shape), -1, axis)]


def _product(builder: Builder, x: str, rows: int) -> str:
    """Halves of each row, multiplied until one element is left."""
    y = builder.ids(x).reshape(rows, -1)
    while y.shape[1] > 1:
        half = y.shape[1] // 2
        parts = [builder.tensor(part) for part in (y[:, :half], y[:, half : 2 * half])]
        products = builder.ids(builder.binary("mul", *parts)).reshape(rows, half)
        y = np.concatenate([products, y[:, 2 * half :]], axis=1)
    return builder.tensor(y)


def _log_sum(builder: Builder, x: str, rows: int) -> str:
    return builder.unary("log", by("reduce_sum")(builder, x, rows))


REDUCTIONS: dict[str, Convert] = {
    "ArgMax": _arg(largest=True),
    "ArgMin": _arg(largest=False),
    "Hardmax": _hardmax,
    "LogSoftmax": _log_softmax,
    "OneHot": _one_hot,
    "ReduceL1": reduction(_sum_of_sizes),
    "ReduceL2": reduction(_length),
    "ReduceLogSum": reduction(_log_sum),
    "ReduceLogSumExp": reduction(_log_sum_exp),
    "ReduceMin": reduction(_least),
    "ReduceProd": reduction(_product),
    "ReduceSum": reduction(by("reduce_sum")),
    "ReduceSumSquare": reduction(_sum_of_squares),
    "TopK": _top_k,
}
