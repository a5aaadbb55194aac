# SPDX-License-Identifier: Apache-2.0
"""Finds the recurrent state of a network: the input that takes it, the output that gives its next.

For ONNX's recurrent operators this is seen in the graph: the input that feeds `initial_h` (or the
`initial_c` of an LSTM) and the output that comes from the same operators. For cells that an exporter
wrote out it is seen in what became of them: one instruction whose old state is an input and whose new
one is an output. For anything else the caller says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids, Op
from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.graph import MOVEMENT, Graph


@dataclass(frozen=True)
class _Port:
    """A state of an operator: the operand that takes it, the results that hold its next value (the
    final one last).
    """

    taken: int
    given: tuple[int, ...]


_HIDDEN, _CELL = _Port(5, (0, 1)), _Port(6, (2,))
_PORTS = {"GRU": (_HIDDEN,), "RNN": (_HIDDEN,), "LSTM": (_HIDDEN, _CELL)}

# One state of one operator: index of the node, operand that takes it.
_State = tuple[int, int]


def recurrent_pairs(graph: Graph, given: Mapping[str, str]) -> dict[str, str]:
    """{input: output} of every state. Raises SourceError when an operator would lose its state."""
    inputs = {value.name for value in graph.inputs}
    for taken, returned in given.items():
        if taken not in inputs or returned not in graph.outputs:
            raise SourceError(
                f"states: {taken!r} → {returned!r}, but the inputs are {sorted(inputs)} "
                f"and the outputs {graph.outputs}"
            )
    pairs = dict(given)
    results = _results(graph)
    for taken, members in _members(graph, inputs, is_told=bool(given)).items():
        if taken not in pairs:
            pairs[taken] = _returned(graph, taken, members, results)
    return pairs


def cell_pairs(
    builder: Builder, live: Mapping[str, Ids], graph: Graph, known: Mapping[str, str]
) -> dict[str, str]:
    """{input: output} of every written-out GRU and LSTM cell that nobody has named."""
    inputs = {live[value.name].tobytes(): value.name for value in graph.inputs}
    outputs = {live[name].tobytes(): name for name in graph.outputs if name in live}
    found = {}
    for op in builder.ops:
        given = outputs.get(builder.ids(op.output).tobytes())
        old = [inputs.get(builder.ids(name).tobytes()) for name in _old_states(builder, op)]
        taken = [name for name in old if name and name not in known]
        if not given or given in known.values() or not taken:
            continue
        if len(taken) > 1:
            raise SourceError(
                f"{given!r} is the next hidden state of a cell, and {' and '.join(sorted(taken))} may "
                f"each be the one before; say which: --state INPUT={given}, states={{INPUT: {given!r}}}"
            )
        found[taken[0]] = given
    return found


def _old_states(builder: Builder, op: Op) -> list[str]:
    """What may be the old state of a cell, of the size of its new one; [] of anything else."""
    size = builder.spans[op.output].elements
    if op.op in ("gru", "lstm_cell"):
        return [op.inputs[2]]
    if op.op != "lstm_hidden":
        return []
    gates = [builder.made[name] for name in op.inputs[:2] if name in builder.made]
    read = [gate.inputs[0] for gate in gates if gate.op == "linear"]
    return [name for name in read if builder.spans[name].elements == size]


def _members(graph: Graph, inputs: set[str], *, is_told: bool) -> dict[str, set[_State]]:
    """For each input that holds a state: the operators that start from it.

    is_told: the caller named states; an operator that starts from a computed value is then his
    affair. One that starts from a constant has no state, only steps.
    """
    members: dict[str, set[_State]] = {}
    for index, node in enumerate(graph.nodes):
        for port in _PORTS.get(node.op_type, ()):
            origins = _origins(graph, _at(node.input, port.taken)) & inputs
            if len(origins) == 1:
                members.setdefault(origins.pop(), set()).add((index, port.taken))
            elif not is_told and _depends(graph, _at(node.input, port.taken), inputs):
                raise SourceError(
                    f"{graph.where(node)} does not start from an input, so it would forget; "
                    "export with the hidden state as an input and its next value as an output"
                )
    return members


def _results(graph: Graph) -> dict[str, tuple[_State, bool]]:
    """Values that hold the next value of a state, and whether each is the final one."""
    return {
        name: ((index, port.taken), position == port.given[-1])
        for index, node in enumerate(graph.nodes)
        for port in _PORTS.get(node.op_type, ())
        for position in port.given
        if (name := _at(node.output, position))
    }


def _returned(
    graph: Graph, taken: str, members: set[_State], results: Mapping[str, tuple[_State, bool]]
) -> str:
    """The output made of exactly these states; final values are preferred to all of Y."""
    candidates = []
    for name in graph.outputs:
        made_of = [results.get(origin) for origin in _origins(graph, name)]
        if made_of and {found and found[0] for found in made_of} == members:
            candidates.append((name, all(found and found[1] for found in made_of)))
    found = [name for name, is_final in candidates if is_final] or [name for name, _ in candidates]
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


def _depends(graph: Graph, name: str, inputs: set[str]) -> bool:
    """Whether more of an input than its shape reaches this value."""
    seen, waiting = {name}, [name]
    while waiting:
        value = waiting.pop()
        node = graph.producers.get(value)
        if value in inputs:
            return True
        if node is not None and node.op_type not in ("Shape", "Size"):
            waiting += set(node.input) - seen
            seen.update(node.input)
    return False


def _at(names: list[str], position: int) -> str:
    return names[position] if position < len(names) else ""
