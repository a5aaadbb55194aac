# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that work element by element, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from .builder import Ids
from .onnx_node import Node
from .program import Array

Convert = Callable[[Node], list[Ids]]
LARGEST = float(np.finfo(np.float32).max)


def _unary(op: str) -> Convert:
    def convert(node: Node) -> list[Ids]:
        return node.map(0, lambda x: node.builder.unary(op, x.name))

    return convert


def _with_alpha(op: str, default: float) -> Convert:
    def convert(node: Node) -> list[Ids]:
        alpha = float(node.attributes.get("alpha", default))
        return node.map(0, lambda x: node.builder.unary(op, x.name, (alpha,)))

    return convert


def _two_live(node: Node, op: str) -> list[Ids]:
    a, b = node.ids(0), node.ids(1)
    shape = np.broadcast_shapes(a.shape, b.shape)
    if a.size != b.size or a.size != np.prod(shape):
        raise node.error(f"combines shapes {a.shape} and {b.shape}; expected as many elements")
    left, right = node.builder.arrange(a), node.builder.arrange(b)
    spans = node.builder.spans
    if spans[left.name].dims == spans[right.name].dims and np.array_equal(left.order, right.order):
        return node.arranged(node.builder.binary(op, left.name, right.name), left, shape)
    y = node.builder.binary(op, node.builder.tensor(a), node.builder.tensor(b))
    return node.wrap(y, shape)


def _live_and_constant(node: Node) -> tuple[Ids, Array, tuple[int, ...]]:
    """(live ids, the constant as f64 [n], shape of the result)."""
    live = 0 if node.is_live(0) else 1
    ids, values = node.ids(live), node.constant(1 - live)
    shape = np.broadcast_shapes(ids.shape, values.shape)
    if int(np.prod(shape)) != ids.size:
        raise node.error(f"repeats a value of shape {ids.shape} to {shape}; that is not supported")
    return ids, node.spread(values, shape), shape


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
    x = node.builder.arrange(ids)
    return node.arranged(node.builder.scale(x.name, x.constant(values)), x, shape)


def _div(node: Node) -> list[Ids]:
    if node.is_live(1):
        raise node.error("divides by a value that inputs reach; only constants may divide")
    ids, values, shape = _live_and_constant(node)
    if (values == 0).any():
        raise node.error("divides by zero; check the statistics that normalise the observations")
    x = node.builder.arrange(ids)
    return node.arranged(node.builder.scale(x.name, x.constant(1 / values)), x, shape)


def _neg(node: Node) -> list[Ids]:
    return node.map(0, lambda x: node.builder.scale(x.name, np.full(x.order.size, -1.0)))


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


def _one_sided(*, is_max: bool) -> Convert:
    def convert(node: Node) -> list[Ids]:
        if len(node.proto.input) != 2 or (node.is_live(0) and node.is_live(1)):
            raise node.error("is supported between one value and one constant only")
        ids, values, shape = _live_and_constant(node)
        none = np.array(LARGEST if is_max else -LARGEST)
        low, high = (values, none) if is_max else (none, values)
        return _limit(node, ids.reshape(shape), low.reshape(-1), high.reshape(-1))

    return convert


ARITHMETIC: dict[str, Convert] = {
    "Add": _add,
    "Clip": _clip,
    "Div": _div,
    "Elu": _with_alpha("elu", 1.0),
    "LeakyRelu": _with_alpha("leaky_relu", 0.01),
    "Max": _one_sided(is_max=True),
    "Min": _one_sided(is_max=False),
    "Mul": _mul,
    "Neg": _neg,
    "Relu": _unary("relu"),
    "Sigmoid": _unary("sigmoid"),
    "Sub": _sub,
    "Tanh": _unary("tanh"),
}
