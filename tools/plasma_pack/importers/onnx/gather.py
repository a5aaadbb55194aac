# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that pick by an index known only at run time, and what each becomes.

The index is what ArgMax or TopK gave, or floats that the network converts to integers and does
nothing else with. The machine does not truncate: an index that is no whole number, or names no
row, is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import onnx

from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.graph import MOVEMENT, Graph
from plasma_pack.importers.onnx.logic import is_true, truncate
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]
BY_INDEX = ("Gather", "GatherElements", "GatherND")
_WHOLE = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


def _gather(node: Node) -> list[Ids]:
    data = node.elements(0)
    return rows_of_table(node, data, node.index(1), node.attributes.get("axis", 0) % data.ndim)


def _gather_nd(node: Node) -> list[Ids]:
    """By several numbers each: the one that they come to in the axes they name, flattened."""
    data, index = node.elements(0), node.index(1)
    if node.attributes.get("batch_dims", 0):
        raise node.error("picks in batches; that is not supported")
    depth = index.shape[-1]
    named = data.shape[:depth]
    table = data.reshape(math.prod(named), *data.shape[depth:])
    if depth == 1:
        return rows_of_table(node, table, index[..., 0], 0)
    places = np.cumprod([1, *named[:0:-1]])[::-1]
    builder = node.builder
    numbers = builder.numbers(index)
    scaled = builder.scale(
        builder.tensor(numbers), np.broadcast_to(places, index.shape).reshape(-1)
    )
    flat = builder.ids(scaled).reshape(-1, depth)
    sums = builder.emit("reduce_sum", [builder.tensor(flat, flat.shape)], len(flat))
    return rows_of_table(node, table, builder.ids(sums).reshape(index.shape[:-1]), 0)


def rows_of_table(node: Node, data: Array, index: Ids, axis: int) -> list[Ids]:
    """Slices of the data (ids or constants) along an axis, each a row of a table."""
    moved = np.moveaxis(data, axis, 0)
    rows = moved.reshape(len(moved), -1)
    node.broadcast((index.size, rows.shape[1]))
    builder = node.builder
    table = builder.tensor(rows, rows.shape)
    picks = builder.tensor(index)
    y = builder.emit("gather", [table, picks], (index.size, rows.shape[1]))
    found = builder.ids(y).reshape(*index.shape, *moved.shape[1:])
    places = range(index.ndim)
    return [np.moveaxis(found, places, [axis + place for place in places])]


def _gather_elements(node: Node) -> list[Ids]:
    """From all elements in one row: index · stride + where the other axes are."""
    data, index, builder = node.elements(0), node.index(1), node.builder
    axis = node.attributes.get("axis", 0) % data.ndim
    x = builder.tensor(data)
    if data.shape[axis] != data.size:
        stride = math.prod(data.shape[axis + 1 :])
        places = np.arange(data.size).reshape(data.shape)
        first = np.take(places, [0], axis)[tuple(slice(n) for n in index.shape)]
        picks = builder.scale(builder.tensor(builder.numbers(index)), np.full(index.size, stride))
        index = builder.ids(
            builder.shift(picks, np.broadcast_to(first, index.shape).reshape(-1).astype(float))
        ).reshape(index.shape)
    y = builder.emit("gather", [x, builder.tensor(index)], index.size)
    return node.wrap(y, index.shape)


def _cast(node: Node) -> list[Ids]:
    """To a condition: 1 where it is not 0. To a whole number: without what follows the point."""
    to, raw = node.attributes["to"], node.index(0)
    if to == onnx.TensorProto.BOOL and not node.is_of(0, to):
        return node.map(0, lambda x: is_true(node.builder, x.name))
    if to in _WHOLE and not node.is_of(0, *_WHOLE, onnx.TensorProto.BOOL):
        picks = _only_picks(node.graph, node.proto.output[0])
        return [raw] if picks else node.map(0, lambda x: truncate(node.builder, x.name))
    if to in (*_WHOLE, onnx.TensorProto.BOOL, onnx.TensorProto.FLOAT):
        return [raw]
    name = onnx.TensorProto.DataType.Name(to)
    raise node.error(f"converts to {name}; export the policy in float32")


def _cast_like(node: Node) -> list[Ids] | None:
    """Between numbers of this machine nothing happens; any other is written out, to a Cast."""
    return [node.index(0)] if node.type_of(0) == node.type_of(1) else None


def _only_picks(graph: Graph, name: str) -> bool:
    """Whether a value is nothing but the index of a Gather, seen through what moves elements."""
    readers = [node for node in graph.nodes if name in node.input]
    return name not in graph.outputs and all(
        list(node.input).index(name) == 1
        if node.op_type in BY_INDEX
        else node.op_type in MOVEMENT and _only_picks(graph, node.output[0])
        for node in readers
    )


PICKS: dict[str, Convert] = {
    "Cast": _cast,
    "CastLike": _cast_like,
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
}
