# SPDX-License-Identifier: Apache-2.0
"""ONNX's recurrent operators, one step of one batch, and what each becomes.

Every one is a `linear` of x and a `linear` of h, so that adapters reach the weights, and then the
cell. ONNX keeps W [1, gates · H, in], R [1, gates · H, H] and B [1, 2 · gates · H].
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from plasma_pack.compiler.elements import Ids
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


def _gru(node: Node) -> list[Ids]:
    if node.attributes.get("linear_before_reset", 0) != 1:
        raise node.error("linear_before_reset is 0, expected 1, the form of torch.nn.GRU")
    gi, gh, _ = _gates(node)
    h = node.tensor(_INITIAL_H)
    return _results(node, node.builder.emit("gru", [gi, gh, h], _hidden(node)))


def _lstm(node: Node) -> list[Ids]:
    if node.name(7) or node.attributes.get("input_forget", 0):
        raise node.error("expected no peepholes and a forget gate of its own, as in torch.nn.LSTM")
    gi, gh, _ = _gates(node)
    c = node.builder.emit("lstm_cell", [gi, gh, node.tensor(_INITIAL_C)], _hidden(node))
    h = node.builder.emit("lstm_hidden", [gi, gh, c], _hidden(node))
    return [*_results(node, h), *node.wrap(c, (1, 1, _hidden(node)))]


def _rnn(node: Node) -> list[Ids]:
    gi, gh, activations = _gates(node)
    total = node.builder.binary("add", gi, gh)
    return _results(node, node.builder.unary(activations[0].lower(), total))


def _gates(node: Node) -> tuple[str, str, list[str]]:
    """The linears of x and of h, gates in the machine's order; and the activations."""
    kind = KINDS[node.proto.op_type]
    activations = _check(node, kind)
    path = module_path(node.proto, "") or node.proto.op_type.lower()
    layer = _layer_number(node, path)
    rows = len(kind.gates) * _hidden(node)
    biases = node.constant(3, np.zeros((1, 2 * rows)))[0]
    gi, gh = (
        node.builder.linear(
            node.tensor(source),
            _ordered(node.constant(weights)[0], kind),
            _ordered(bias, kind),
            f"{path}.{part}_l{layer}",
        )
        for source, weights, bias, part in (
            (0, 1, biases[:rows], "ih"),
            (_INITIAL_H, 2, biases[rows:], "hh"),
        )
    )
    return gi, gh, activations


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
    if x.size != x.shape[-1]:
        raise node.error(f"found input {x.shape}; export one step of one batch: [1, 1, n]")
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


def _results(node: Node, h: str) -> list[Ids]:
    """Y and Y_h."""
    hidden = _hidden(node)
    return [*node.wrap(h, (1, 1, 1, hidden)), *node.wrap(h, (1, 1, hidden))]


RECURRENT: dict[str, Convert] = {"GRU": _gru, "LSTM": _lstm, "RNN": _rnn}
