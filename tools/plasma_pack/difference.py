# SPDX-License-Identifier: Apache-2.0
"""What differs between two packets: layer by layer, then everything else that they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import zip_longest
from typing import Any

import numpy as np

from plasma_edge import _core
from plasma_pack.inspection import describe, printable
from plasma_pack.layers import PacketLayer, packet_layers
from plasma_pack.packet.format import Kind
from plasma_pack.packet.reader import OpenPacket
from plasma_pack.program.decode import decode
from plasma_pack.program.program import FloatArray

# Said by other means (layers, the instructions), or different whenever anything else is.
_LEFT_OUT = ("sections", "content_digest", "program.layers", "program.opcodes")


def difference(a: OpenPacket, b: OpenPacket) -> dict[str, Any]:
    """JSON-ready: `equal` when they are the same bytes, the layers of both, and `changes`, every other
    field with its value in a and b. Raises the runtime's ProgramError when one would not run.
    """
    return {
        "equal": a.data == b.data,
        "layers": _layers(a, b),
        "instructions": _instructions(a, b),
        "changes": _changes(a, b),
    }


def _layers(a: OpenPacket, b: OpenPacket) -> list[dict[str, Any]]:
    before, after = ({layer.name: layer for layer in _of(packet)} for packet in (a, b))
    names = [*before, *(name for name in after if name not in before)]
    return [_layer(name, before.get(name), after.get(name)) for name in names]


def _of(packet: OpenPacket) -> list[PacketLayer]:
    if packet.header.kind != Kind.BASE:
        return []
    _core.certify(packet.sections)
    return packet_layers(decode(packet.sections, packet.slot_names))


def _layer(name: str, a: PacketLayer | None, b: PacketLayer | None) -> dict[str, Any]:
    row: dict[str, Any] = {
        "layer": printable(name),
        "shape": [list(layer.shape) if layer else None for layer in (a, b)],
        "precision": [layer.precision if layer else None for layer in (a, b)],
        "bytes": [layer.nbytes if layer else None for layer in (a, b)],
        "weight_distance": None,
        "bias_distance": None,
    }
    if a is not None and b is not None:
        row["weight_distance"] = _distance(a.weights, b.weights)
        row["bias_distance"] = _distance(a.bias, b.bias)
    return row


def _distance(a: FloatArray | None, b: FloatArray | None) -> float | None:
    """Root mean square of the difference, in parts of that of a; None where they do not compare."""
    if a is None and b is None:
        return 0.0
    if a is None or b is None or a.shape != b.shape:
        return None
    size = np.linalg.norm(a.astype(np.float64))
    apart = np.linalg.norm(a.astype(np.float64) - b)
    return float(apart / size) if size else float(apart != 0)


def _instructions(a: OpenPacket, b: OpenPacket) -> list[dict[str, Any]]:
    """Where one computes something else, by place: its operation and immediates."""
    pairs = zip_longest(_said(a), _said(b))
    return [
        {"place": place, "a": one, "b": other}
        for place, (one, other) in enumerate(pairs)
        if one != other
    ]


def _said(packet: OpenPacket) -> list[str]:
    if packet.header.kind != Kind.BASE:
        return []
    program = decode(packet.sections)
    return [
        " ".join([i.op, *(f"{number:g}" for number in i.immediates)]) for i in program.instructions
    ]


def _changes(a: OpenPacket, b: OpenPacket) -> list[dict[str, Any]]:
    before, after = (dict(_flat("", describe(packet))) for packet in (a, b))
    names = [*before, *(name for name in after if name not in before)]
    return [
        {"field": name, "a": before.get(name), "b": after.get(name)}
        for name in names
        if before.get(name) != after.get(name) and not name.startswith(_LEFT_OUT)
    ]


def _flat(name: str, value: Any) -> Iterator[tuple[str, Any]]:
    """Every leaf of the facts by its path. Rows are told apart by what they are called."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _flat(f"{name}.{key}" if name else key, item)
    elif isinstance(value, list) and value and all(isinstance(row, Mapping) for row in value):
        for number, row in enumerate(value):
            called = row.get("name") or row.get("id") or number
            yield from _flat(f"{name}.{called}", row)
    else:
        yield name, value
