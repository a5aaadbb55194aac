# SPDX-License-Identifier: Apache-2.0
"""Recognises recurrent cells written out as additions and products, as torch.nn.GRUCell and
torch.nn.LSTMCell export.

    GRU     r = sigmoid(gi_r + gh_r)    z = sigmoid(gi_z + gh_z)    n = tanh(gi_c + gh_c · r)
            h' = (h − n) · z + n
    LSTM    i, f, g, o = quarters of gi + gh
            c' = sigmoid(f) · c + sigmoid(i) · tanh(g)      h' = sigmoid(o) · tanh(c')

with gi and gh split into (r, z, c) are exactly the machine's `gru`, and its `lstm_cell` and
`lstm_hidden`: one instruction or two, not nine or fourteen.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from plasma_pack.compiler.builder import Builder

Pair = tuple[str, str]


@dataclass(frozen=True)
class Cell:
    """An instruction that computes the same."""

    op: str
    gi: str
    gh: str
    state: str


def find_cell(builder: Builder, op: str, pair: Pair) -> Cell | None:
    """The cell that `op` (add or mul) of these two tensors is the result of; None when it is not
    one.
    """
    if op == "add":
        return _find_gru(builder, pair) or _find_lstm_cell(builder, pair)
    return _find_lstm_hidden(builder, pair) if op == "mul" else None


def _find_gru(builder: Builder, sum_of: Pair) -> Cell | None:
    for gated, candidate in _orders(sum_of):
        for difference, z in _orders(_operands(builder, "mul", gated)):
            h, subtracted = _operands(builder, "sub", difference) or ("", "")
            if subtracted == candidate and h:
                found = _match_gates(builder, candidate, z, h)
                if found is not None:
                    return found
    return None


def _match_gates(builder: Builder, candidate: str, z: str, h: str) -> Cell | None:
    hidden = builder.spans[h].elements
    for ci, product in _orders(_operands(builder, "add", _operand(builder, "tanh", candidate))):
        for ch, r in _orders(_operands(builder, "mul", product)):
            gi, gh = (_whole(builder, part, 2, 3, hidden) for part in (ci, ch))
            if gi is None or gh is None:
                continue
            if all(
                _is_gate(builder, gate, {(gi, index), (gh, index)}, hidden)
                for index, gate in enumerate((r, z))
            ):
                return Cell("gru", gi, gh, h)
    return None


def _is_gate(builder: Builder, gate: str, wanted: set[tuple[str, int]], hidden: int) -> bool:
    """Is `gate` the sigmoid of the sum of these thirds of gi and gh?"""
    terms = _operands(builder, "add", _operand(builder, "sigmoid", gate)) or ()
    found = {
        (whole, index)
        for term in terms
        for _, index in wanted
        if (whole := _whole(builder, term, index, 3, hidden)) is not None
    }
    return found == wanted


def _find_lstm_cell(builder: Builder, sum_of: Pair) -> Cell | None:
    for kept, written in _orders(sum_of):
        for f, c in _orders(_operands(builder, "mul", kept)):
            hidden = builder.spans[c].elements
            total = _whole(builder, _operand(builder, "sigmoid", f), 1, 4, hidden)
            for i, g in _orders(_operands(builder, "mul", written)):
                others = {
                    _whole(builder, _operand(builder, "sigmoid", i), 0, 4, hidden),
                    _whole(builder, _operand(builder, "tanh", g), 2, 4, hidden),
                }
                terms = _operands(builder, "add", total or "")
                if others == {total} and terms is not None:
                    return Cell("lstm_cell", *terms, c)
    return None


def _find_lstm_hidden(builder: Builder, product_of: Pair) -> Cell | None:
    for o, squashed in _orders(product_of):
        c = _operand(builder, "tanh", squashed)
        made = builder.made.get(c)
        if made is None or made.op != "lstm_cell":
            continue
        hidden = builder.spans[c].elements
        total = _whole(builder, _operand(builder, "sigmoid", o), 3, 4, hidden)
        terms = _operands(builder, "add", total or "")
        if terms is not None and terms == made.inputs[:2]:
            return Cell("lstm_hidden", *terms, c)
    return None


def _whole(builder: Builder, part: str, index: int, gates: int, hidden: int) -> str | None:
    """The tensor of gates · hidden elements that `part` is the gate of that index of."""
    if not part:
        return None
    name, begin, end = builder.origin(part)
    is_gate = (begin, end) == (index * hidden, (index + 1) * hidden)
    return name if is_gate and builder.spans[name].elements == gates * hidden else None


def _orders(pair: Pair | None) -> list[Pair]:
    return [] if pair is None else [pair, pair[::-1]]


def _operands(builder: Builder, op: str, name: str) -> Pair | None:
    made = builder.made.get(name)
    if made is None or made.op != op or len(made.inputs) != 2:
        return None
    return made.inputs[0], made.inputs[1]


def _operand(builder: Builder, op: str, name: str) -> str:
    made = builder.made.get(name)
    return made.inputs[0] if made is not None and made.op == op else ""
