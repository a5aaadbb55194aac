# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that pick by an index known only at run time, and what each becomes.

The index is what ArgMax or TopK gave, or floats that the network converts to integers and does
nothing else with. The machine does not truncate: an index that is no whole number, or names no
row, is a fault.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from plasma_pack.compiler.builder import Ids
from plasma_pack.importers.onnx.graph import MOVEMENT, Graph
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array, DType

Convert = Callable[[Node], list[Ids]]
BY_INDEX = ("Gather", "GatherElements", "GatherND")
_WHOLE = (onnx.TensorProto.INT32, onnx.TensorProto.INT64)


def _gather(node: Node) -> list[Ids]:
    data = node.ids(0) if node.is_live(0) else node.constant(0)
    return _rows(node, data, node.index(1), node.attributes.get("axis", 0) % data.ndim)


def _gather_nd(node: Node) -> list[Ids]:
    """Of indices of one number each: a Gather along the first axis."""
    data = node.ids(0) if node.is_live(0) else node.constant(0)
    index = node.index(1)
    if index.shape[-1] != 1 or node.attributes.get("batch_dims", 0):
        raise node.error(f"picks by indices {index.shape}; expected one number each")
    return _rows(node, data, index[..., 0], 0)


def _rows(node: Node, data: Array, index: Ids, axis: int) -> list[Ids]:
    """Slices of the data (ids or constants) along an axis, each a row of a table."""
    moved = np.moveaxis(data, axis, 0)
    matrix = moved.reshape(len(moved), -1)
    builder = node.builder
    is_live = node.is_live(0)
    table = builder.tensor(matrix, matrix.shape) if is_live else builder.constant(matrix)
    picks = builder.tensor(index)
    y = builder.emit("gather", [table, picks], (index.size, matrix.shape[1]))
    found = builder.ids(y).reshape(*index.shape, *moved.shape[1:])
    places = range(index.ndim)
    return [np.moveaxis(found, places, [axis + place for place in places])]


def _gather_elements(node: Node) -> list[Ids]:
    index, ids = node.index(1), node.ids(0)
    axis = node.attributes.get("axis", 0) % ids.ndim
    if ids.shape[axis] != ids.size or index.shape[axis] != index.size:
        raise node.error(f"picks along axis {axis} of {ids.shape}; expected all elements")
    x = node.builder.tensor(ids)
    y = node.builder.emit("gather", [x, node.builder.tensor(index)], index.size)
    return node.wrap(y, index.shape)


def _cast(node: Node) -> list[Ids]:
    ids, to = node.index(0), node.attributes["to"]
    is_index = node.builder.dtype(ids) is DType.I32
    becomes_index = to in _WHOLE and (is_index or _only_picks(node.graph, node.proto.output[0]))
    if becomes_index or (to == onnx.TensorProto.FLOAT and not is_index):
        return [ids]
    name = onnx.TensorProto.DataType.Name(to)
    raise node.error(f"converts to {name}; export the policy in float32")


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
    "Gather": _gather,
    "GatherElements": _gather_elements,
    "GatherND": _gather_nd,
}
