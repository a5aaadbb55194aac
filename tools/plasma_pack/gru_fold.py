# SPDX-License-Identifier: Apache-2.0
"""Recognises a GRU cell written out as additions and products, as torch.nn.GRUCell exports.

    r = sigmoid(gi_r + gh_r)    z = sigmoid(gi_z + gh_z)    c = tanh(gi_c + gh_c · r)
    h' = (h − c) · z + c

with gi and gh split into (r, z, c) is exactly the machine's `gru`: one instruction, not nine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .builder import Builder

Pair = tuple[str, str]


@dataclass(frozen=True)
class Gru:
    """Operands of the instruction."""

    gi: str
    gh: str
    h: str


def find_gru(builder: Builder, sum_of: Pair) -> Gru | None:
    """The GRU that the sum of these two tensors is the result of; None when it is not one."""
    for gated, candidate in _orders(sum_of):
        for difference, z in _orders(_operands(builder, "mul", gated)):
            h, subtracted = _operands(builder, "sub", difference) or ("", "")
            if subtracted == candidate and h:
                found = _match_gates(builder, candidate, z, h)
                if found is not None:
                    return found
    return None


def _match_gates(builder: Builder, candidate: str, z: str, h: str) -> Gru | None:
    hidden = builder.spans[h].elements
    for ci, product in _orders(_operands(builder, "add", _operand(builder, "tanh", candidate))):
        for ch, r in _orders(_operands(builder, "mul", product)):
            gi, gh = _whole(builder, ci, 2, hidden), _whole(builder, ch, 2, hidden)
            if gi is None or gh is None:
                continue
            if all(
                _is_gate(builder, gate, {(gi, index), (gh, index)}, hidden)
                for index, gate in enumerate((r, z))
            ):
                return Gru(gi, gh, h)
    return None


def _is_gate(builder: Builder, gate: str, wanted: set[tuple[str, int]], hidden: int) -> bool:
    """Is `gate` the sigmoid of the sum of these thirds of gi and gh?"""
    terms = _operands(builder, "add", _operand(builder, "sigmoid", gate)) or ()
    found = {
        (whole, index)
        for term in terms
        for _, index in wanted
        if (whole := _whole(builder, term, index, hidden)) is not None
    }
    return found == wanted


def _whole(builder: Builder, part: str, index: int, hidden: int) -> str | None:
    """The tensor of 3 · hidden elements that `part` is the index-th third of."""
    name, begin, end = builder.origin(part)
    is_third = (begin, end) == (index * hidden, (index + 1) * hidden)
    return name if is_third and builder.spans[name].elements == 3 * hidden else None


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
