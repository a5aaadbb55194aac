# SPDX-License-Identifier: Apache-2.0
"""ONNX's recurrent operators over a sequence of one batch, and what each becomes.

Every step is a `linear` of x and a `linear` of h, so that adapters reach the weights, and then the
cell; those of x are one `linear` over all steps. A sequence of one step starts from a state that the
packet keeps; a longer one, a window of the last observations, may also start from zero.

ONNX keeps W [1, gates · H, in], R [1, gates · H, H] and B [1, 2 · gates · H].
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.rows import matrix
from plasma_pack.importers.onnx.graph import module_path
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]
_INITIAL_H, _INITIAL_C = 5, 6


@dataclass(frozen=True)
class Kind:
    """A recurrent operator: where each gate of the machine stands in ONNX's order, and the
    activations that the machine's cell has.
    """

    gates: tuple[int, ...]
    activations: tuple[list[str], ...]


KINDS = {
    "GRU": Kind((1, 0, 2), (["Sigmoid", "Tanh"],)),  # z r h → r z c
    "LSTM": Kind((0, 2, 3, 1), (["Sigmoid", "Tanh", "Tanh"],)),  # i o f c → i f g o
    "RNN": Kind((0,), (["Tanh"], ["Relu"])),
}


@dataclass(frozen=True, eq=False)
class _Layer:
    """gi: what the gates get from x, [T, gates · H]; the weights and bias of h; gates in the machine's
    order.
    """

    gi: Ids
    weights: Array
    bias: Array
    label: str
    activations: list[str]


def _gru(node: Node) -> list[Ids]:
    if node.attributes.get("linear_before_reset", 0) != 1:
        raise node.error("linear_before_reset is 0, expected 1, the form of torch.nn.GRU")
    layer, h = _layer(node), _initial(node, _INITIAL_H)
    steps = []
    for gi in layer.gi:
        gates = [node.builder.tensor(gi), _of_hidden(node, layer, h)]
        h = node.builder.ids(node.builder.emit("gru", [*gates, node.builder.tensor(h)], h.size))
        steps.append(h)
    return _results(steps)


def _lstm(node: Node) -> list[Ids]:
    if node.name(7) or node.attributes.get("input_forget", 0):
        raise node.error("expected no peepholes and a forget gate of its own, as in torch.nn.LSTM")
    layer, h, c = _layer(node), _initial(node, _INITIAL_H), _initial(node, _INITIAL_C)
    steps = []
    for gi in layer.gi:
        gates = [node.builder.tensor(gi), _of_hidden(node, layer, h)]
        cell = node.builder.emit("lstm_cell", [*gates, node.builder.tensor(c)], h.size)
        h = node.builder.ids(node.builder.emit("lstm_hidden", [*gates, cell], h.size))
        c = node.builder.ids(cell)
        steps.append(h)
    return [*_results(steps), c.reshape(1, 1, -1)]


def _rnn(node: Node) -> list[Ids]:
    layer, h = _layer(node), _initial(node, _INITIAL_H)
    steps = []
    for gi in layer.gi:
        total = node.builder.binary("add", node.builder.tensor(gi), _of_hidden(node, layer, h))
        h = node.builder.ids(node.builder.unary(layer.activations[0].lower(), total))
        steps.append(h)
    return _results(steps)


def _layer(node: Node) -> _Layer:
    kind = KINDS[node.proto.op_type]
    activations = _check(node, kind)
    path = module_path(node.proto, "") or node.proto.op_type.lower()
    number = _layer_number(node, path)
    rows = len(kind.gates) * _hidden(node)
    biases = node.constant(3, np.zeros((1, 2 * rows)))[0]
    weights, bias = _ordered(node.constant(1)[0], kind), _ordered(biases[:rows], kind)
    x = node.ids(0)
    source = node.tensor(0) if len(x) == 1 else matrix(node.builder, x.reshape(len(x), -1))
    gi = node.builder.linear(source, weights, bias, f"{path}.ih_l{number}")
    return _Layer(
        node.builder.ids(gi).reshape(len(x), rows),
        _ordered(node.constant(2)[0], kind),
        _ordered(biases[rows:], kind),
        f"{path}.hh_l{number}",
        activations,
    )


def _initial(node: Node, position: int) -> Ids:
    """The state before the first step."""
    if node.is_live(position):
        return node.ids(position).reshape(-1)
    if len(node.ids(0)) == 1:
        raise node.error(
            "does not start from an input, so it would forget; export with the hidden state as an "
            "input and its next value as an output"
        )
    zero = np.zeros((1, 1, _hidden(node)), np.float32)
    return node.builder.constant_ids(node.constant(position, zero)).reshape(-1)


def _of_hidden(node: Node, layer: _Layer, h: Ids) -> str:
    return node.builder.linear(node.builder.tensor(h), layer.weights, layer.bias, layer.label)


def _check(node: Node, kind: Kind) -> list[str]:
    """The activations. Raises SourceError for what torch.nn does not export."""
    given = node.attributes
    if given.get("direction", "forward") != "forward" or given.get("layout", 0) != 0:
        raise node.error("expected one forward direction with layout 0, as torch.nn exports")
    if node.name(4) or "clip" in given:
        raise node.error("expected no sequence lengths and no clipping")
    names = [
        name.decode() if isinstance(name, bytes) else name for name in given.get("activations", [])
    ]
    if names not in ([], *kind.activations):
        expected = " or ".join(" and ".join(dict.fromkeys(row)) for row in kind.activations)
        raise node.error(f"found activations {names}, expected {expected}")
    x = node.ids(0)
    if x.ndim != 3 or x.shape[1] != 1:
        raise node.error(f"found input {x.shape}; export a sequence of one batch: [T, 1, n]")
    return names or kind.activations[0]


def _hidden(node: Node) -> int:
    return int(node.attributes["hidden_size"])


def _ordered(rows: Array, kind: Kind) -> Array:
    parts = np.split(rows, len(kind.gates))
    return np.concatenate([parts[gate] for gate in kind.gates])


def _layer_number(node: Node, path: str) -> int:
    """How many operators of this kind and module come before this one."""
    kind = node.proto.op_type
    same = [other for other in node.graph.nodes if other.op_type == kind]
    earlier = same[: [list(other.output) for other in same].index(list(node.proto.output))]
    return sum((module_path(other, "") or kind.lower()) == path for other in earlier)


def _results(steps: Sequence[Ids]) -> list[Ids]:
    """Y [T, 1, 1, H] and Y_h [1, 1, H]."""
    return [np.stack(steps)[:, None, None], steps[-1].reshape(1, 1, -1)]


RECURRENT: dict[str, Convert] = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
