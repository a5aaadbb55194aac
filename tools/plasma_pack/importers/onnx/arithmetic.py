# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that combine two operands element by element, or limit one, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.builder import Ids
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids]]
LARGEST = float(np.finfo(np.float32).max)
MAX_POWER = 8


def _two_live(node: Node, op: str) -> list[Ids]:
    """The operand that is not repeated stays where it lies, and the other is laid out like it."""
    a, b = node.ids(0), node.ids(1)
    shape = np.broadcast_shapes(a.shape, b.shape)
    is_first = a.size == np.prod(shape)
    lead, other = (np.broadcast_to(ids, shape) for ids in ((a, b) if is_first else (b, a)))
    x = node.builder.arrange(lead)
    dims = node.builder.spans[x.name].dims
    y = node.builder.tensor(x.constant(other.reshape(-1)), dims)
    operands = (x.name, y) if is_first else (y, x.name)
    return node.arranged(node.builder.binary(op, *operands), x, shape)


def _live_and_constant(node: Node) -> tuple[Ids, Array, tuple[int, ...]]:
    """(live ids, the constant as f64 [n], shape of the result)."""
    live = 0 if node.is_live(0) else 1
    ids, values = node.ids(live), node.constant(1 - live)
    shape = np.broadcast_shapes(ids.shape, values.shape)
    return np.broadcast_to(ids, shape), node.spread(values, shape), shape


def _add(node: Node) -> list[Ids]:
    if node.is_live(0) and node.is_live(1):
        return _two_live(node, "add")
    ids, values, shape = _live_and_constant(node)
    x = node.builder.arrange(ids)
    return node.arranged(node.builder.shift(x.name, x.constant(values)), x, shape)


def _sub(node: Node) -> list[Ids]:
    if node.is_live(0) and node.is_live(1):
        return _two_live(node, "sub")
    ids, values, shape = _live_and_constant(node)
    x = node.builder.arrange(ids)
    y = node.builder.shift(x.name, x.constant(-values))
    if not node.is_live(0):
        y = node.builder.scale(y, np.full(ids.size, -1.0))
    return node.arranged(y, x, shape)


def _mul(node: Node) -> list[Ids]:
    if node.is_live(0) and node.is_live(1):
        return _two_live(node, "mul")
    ids, values, shape = _live_and_constant(node)
    ids, signs = node.builder.without_signs(ids)
    values = values * signs.reshape(-1)
    x = node.builder.arrange(ids)
    return node.arranged(node.builder.scale(x.name, x.constant(values)), x, shape)


def _div(node: Node) -> list[Ids]:
    if node.is_live(0) and node.is_live(1):
        return _two_live(node, "div")
    ids, values, shape = _live_and_constant(node)
    if node.is_live(1):
        x = node.builder.tensor(ids)
        return node.wrap(node.builder.binary("div", node.builder.constant(values), x), shape)
    if (values == 0).any():
        raise node.error("divides by zero; check the statistics that normalise the observations")
    arranged = node.builder.arrange(ids)
    y = node.builder.scale(arranged.name, arranged.constant(1 / values))
    return node.arranged(y, arranged, shape)


def _pow(node: Node) -> list[Ids]:
    """Whole powers are products; √ is the only other one."""
    ids, power = node.ids(0), node.constant(1)
    exponent = float(power.reshape(-1)[0]) if power.size == 1 else 0.0
    x = node.builder.tensor(ids)
    if exponent == 0.5:
        return node.wrap(node.builder.unary("sqrt", x), ids.shape)
    if exponent not in range(1, MAX_POWER + 1):
        raise node.error(f"raises to {power.tolist()}; expected 0.5 or 1 to {MAX_POWER}")
    y = x
    for _ in range(int(exponent) - 1):
        y = node.builder.binary("mul", y, x)
    return node.wrap(y, ids.shape)


def _limit(node: Node, ids: Ids, low: Array, high: Array) -> list[Ids]:
    limits = [np.clip(node.spread(side, ids.shape), -LARGEST, LARGEST) for side in (low, high)]
    x = node.builder.arrange(ids)
    dims = node.builder.spans[x.name].dims
    y = node.builder.emit("clamp", [x.name], dims, [x.constant(side) for side in limits])
    return node.arranged(y, x, ids.shape)


def _clip(node: Node) -> list[Ids]:
    given = node.attributes  # before opset 11 the limits were attributes
    low = node.constant(1, np.array(given.get("min", -LARGEST)))
    high = node.constant(2, np.array(given.get("max", LARGEST)))
    return _limit(node, node.ids(0), low, high)


def _extreme(op: str) -> Convert:
    def convert(node: Node) -> list[Ids]:
        if len(node.proto.input) != 2:
            raise node.error(f"has {len(node.proto.input)} operands, expected 2")
        if node.is_live(0) and node.is_live(1):
            return _two_live(node, op)
        ids, values, shape = _live_and_constant(node)
        none = np.array(LARGEST if op == "max" else -LARGEST)
        low, high = (values, none) if op == "max" else (none, values)
        return _limit(node, ids.reshape(shape), low.reshape(-1), high.reshape(-1))

    return convert


ARITHMETIC: dict[str, Convert] = {
    "Add": _add,
    "Clip": _clip,
    "Div": _div,
    "Max": _extreme("max"),
    "Min": _extreme("min"),
    "Mul": _mul,
    "Pow": _pow,
    "Sub": _sub,
}
