# SPDX-License-Identifier: Apache-2.0
"""What is looked at in an ONNX file before anything is made of it: a stranger's file must neither
read other files, nor grow without end.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import onnx

from plasma_pack.errors import SourceError

MAX_NODES = 100_000
MAX_ATTRIBUTE = 1 << 30
_ANY_NUMBER = ("value_int", "value_ints", "starts", "ends")  # of Constant and of older Slices
_EQUATION = re.compile(rb"[A-Za-z., ]*(->[A-Za-z. ]*)?")
_Key = tuple[str, str, str]


def check_tensors(model: onnx.ModelProto) -> None:
    """All tensors must be in the file; onnx.load has put those there that lie beside it."""
    for tensor in _tensors(model.graph):
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            raise SourceError(
                "the weights are in a file of their own; give the path of the ONNX file"
            )
    for function in model.functions:
        if any(t.data_location == onnx.TensorProto.EXTERNAL for t in _in_nodes(function.node)):
            raise SourceError(f"function {function.name!r} reads a file; keep its tensors in it")


def _tensors(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _in_nodes(graph.node)


def _in_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for attribute in (a for node in nodes for a in node.attribute):
        yield from (attribute.t, *attribute.tensors)
        for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
            yield from (sparse.values, sparse.indices)
        for graph in _graphs(attribute):
            yield from _tensors(graph)


def check_attributes(model: onnx.ModelProto) -> None:
    """What ONNX's inliner and reference implementation do not survive: axes that no tensor has, and
    an equation with other letters.
    """
    for nodes in (model.graph.node, *(function.node for function in model.functions)):
        for node in _all_nodes(nodes):
            for attribute in node.attribute:
                _check_attribute(node, attribute)


def _check_attribute(node: onnx.NodeProto, attribute: onnx.AttributeProto) -> None:
    where = f"{attribute.name} of {node.op_type} node {node.name!r}"
    most = max((attribute.i, *attribute.ints), key=abs)
    if attribute.name not in _ANY_NUMBER and abs(most) > MAX_ATTRIBUTE:
        raise SourceError(f"{where} is {most}, expected at most {MAX_ATTRIBUTE}")
    if attribute.name == "equation" and not _EQUATION.fullmatch(attribute.s):
        raise SourceError(f"{where} is {attribute.s!r}, expected letters, commas, ... and ->")


def _all_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.NodeProto]:
    for node in nodes:
        yield node
        for graph in (graph for attribute in node.attribute for graph in _graphs(attribute)):
            yield from _all_nodes(graph.node)


def _graphs(attribute: onnx.AttributeProto) -> list[onnx.GraphProto]:
    return [*([attribute.g] if attribute.HasField("g") else []), *attribute.graphs]


def check_functions(model: onnx.ModelProto) -> None:
    """Local functions that end, and how many nodes they come to in place of their calls."""
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    sizes: dict[_Key, int] = {}
    open_calls: set[_Key] = set()

    def size(nodes: Iterable[onnx.NodeProto]) -> int:
        total = 0
        for node in nodes:
            key = (node.domain, node.op_type, node.overload)
            total += called(key) if key in functions else 1
            total += sum(size(g.node) for a in node.attribute for g in _graphs(a))
        return total

    def called(key: _Key) -> int:
        if key in open_calls:
            raise SourceError(f"function {key[1]!r} calls itself; export without recursion")
        if key not in sizes:
            open_calls.add(key)
            sizes[key] = size(functions[key].node)
            open_calls.remove(key)
        return sizes[key]

    found = size(model.graph.node)
    if found > MAX_NODES:
        raise SourceError(f"its functions come to {found} nodes, expected at most {MAX_NODES}")
