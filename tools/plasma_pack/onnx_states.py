# SPDX-License-Identifier: Apache-2.0
"""Finds the recurrent state of a network: the input that takes it, the output that gives its next.

For GRU operators this is seen in the graph: the input that feeds `initial_h` and the output that
comes from the same GRUs. For anything else the caller says so.
"""

from __future__ import annotations

from collections.abc import Mapping

import onnx

from .errors import SourceError
from .onnx_graph import MOVEMENT, Graph

_INITIAL_H = 5


def recurrent_pairs(graph: Graph, given: Mapping[str, str]) -> dict[str, str]:
    """{input: output} of every state. Raises SourceError when a GRU would lose its state."""
    inputs = {value.name for value in graph.inputs}
    for taken, returned in given.items():
        if taken not in inputs or returned not in graph.outputs:
            raise SourceError(
                f"states: {taken!r} → {returned!r}, but the inputs are {sorted(inputs)} "
                f"and the outputs {graph.outputs}"
            )
    pairs = dict(given)
    grus = [node for node in graph.nodes if node.op_type == "GRU"]
    for taken, members in _members(graph, grus, inputs, is_told=bool(given)).items():
        if taken not in pairs:
            pairs[taken] = _returned(graph, taken, members)
    return pairs


def _members(
    graph: Graph, grus: list[onnx.NodeProto], inputs: set[str], *, is_told: bool
) -> dict[str, set[str]]:
    """For each input that holds a hidden state: the GRUs that start from it.

    is_told: the caller named states; a GRU that starts from a computed value is then his affair.
    """
    members: dict[str, set[str]] = {}
    for node in grus:
        name = node.input[_INITIAL_H] if len(node.input) > _INITIAL_H else ""
        origins = _origins(graph, name) & inputs
        if len(origins) != 1 and is_told:
            continue
        if len(origins) != 1:
            raise SourceError(
                f"{graph.where(node)} does not start from an input, so it would forget; "
                "export with the hidden state as an input and its next value as an output"
            )
        members.setdefault(origins.pop(), set()).add(node.output[0] or node.output[1])
    return members


def _returned(graph: Graph, taken: str, members: set[str]) -> str:
    """The output made of exactly these GRUs; their Y_h is preferred to their Y."""
    candidates = {
        name: origins
        for name in graph.outputs
        if (origins := _origins(graph, name)) and _grus(graph, origins) == members
    }
    final = [
        name for name, origins in candidates.items() if all(_is_final(graph, o) for o in origins)
    ]
    found = final or list(candidates)
    if len(found) != 1:
        many = "more than one" if found else "none"
        raise SourceError(
            f"the next value of the hidden state {taken!r} is {many} of the outputs "
            f"{graph.outputs}; export it as one output, or name it: states={{{taken!r}: '…'}}"
        )
    return found[0]


def _origins(graph: Graph, name: str) -> set[str]:
    """Values that `name` is made of, seen through operators that only move elements."""
    node = graph.producers.get(name)
    if node is None or node.op_type not in MOVEMENT:
        return {name} if name and name not in graph.constants else set()
    sources = node.input if node.op_type == "Concat" else node.input[:1]
    return set().union(*(_origins(graph, source) for source in sources))


def _grus(graph: Graph, origins: set[str]) -> set[str]:
    nodes = [graph.producers.get(origin) for origin in origins]
    return {
        (node.output[0] or node.output[1]) if node is not None and node.op_type == "GRU" else ""
        for node in nodes
    }


def _is_final(graph: Graph, origin: str) -> bool:
    return len(graph.producers[origin].output) > 1 and graph.producers[origin].output[1] == origin
