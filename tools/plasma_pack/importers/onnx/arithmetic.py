# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that combine two operands element by element, or limit one, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import HIDDEN, Ids
from plasma_pack.importers.onnx.logic import constant_like, is_true, negation, select, truncate
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]
LARGEST = float(np.finfo(np.float32).max)
MAX_POWER = 8
_WHOLE = (onnx.TensorProto.INT64, onnx.TensorProto.INT32)


def _two_live(node: Node, op: str) -> list[Ids]:
    return node.together(lambda builder, a, b: builder.binary(op, a, b), 2)


def _live_and_constant(node: Node) -> tuple[Ids, Array, tuple[int, ...]]:
    """(live ids, the constant as f64 [n], shape of the result)."""
    live = 0 if node.is_live(0) else 1
    ids, values = node.ids(live), node.constant(1 - live)
    shape = node.broadcast(ids.shape, values.shape)
    return np.broadcast_to(ids, shape), node.spread(values, shape), shape


def _add(node: Node) -> list[Ids]:
    if node.is_live(0) and node.is_live(1):
        return _two_live(node, "add")
    ids, values, shape = _live_and_constant(node)
    x = node.builder.arrange(ids)
    hiding = np.where(np.isinf(values), np.sign(values) * HIDDEN, values)
    return node.arranged(node.builder.shift(x.name, x.constant(hiding)), x, shape)


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
    if node.is_of(0, *_WHOLE):
        return node.together(_whole_quotient, 2)
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


def _whole_quotient(builder: Builder, a: str, b: str) -> str:
    return truncate(builder, builder.binary("div", a, b))


def _pow(node: Node) -> list[Ids]:
    """Small whole powers are products, 0.5 is √, any other exp(b · log a) of positive a."""
    if node.is_live(1):
        return node.together(_exp_of_log, 2)
    powers = np.unique(node.constant(1).astype(np.float64))
    if powers.size == 1 and np.shape(node.constant(1)) == (1,) * node.constant(1).ndim:
        exponent = float(powers[0])
        if exponent in (0.5, *range(-MAX_POWER, 0), *range(1, MAX_POWER + 1)):
            return node.map(0, lambda x: _simple_power(node.builder, x.name, exponent))
    if (powers == np.rint(powers)).all():
        return node.together(_whole_power, 2)
    return node.together(_exp_of_log, 2)


def _simple_power(builder: Builder, x: str, exponent: float) -> str:
    if exponent == 0.5:
        return builder.unary("sqrt", x)
    y = x
    for _ in range(int(abs(exponent)) - 1):
        y = builder.binary("mul", y, x)
    return builder.binary("div", constant_like(builder, x, 1.0), y) if exponent < 0 else y


def _exp_of_log(builder: Builder, a: str, b: str) -> str:
    """A negative number is none to log, and so a fault; of 0 it is not asked."""
    is_not_zero = is_true(builder, a)
    safe = select(builder, is_not_zero, a, constant_like(builder, a, 1.0))
    power = builder.unary("exp", builder.binary("mul", b, builder.unary("log", safe)))
    return select(builder, is_not_zero, power, negation(builder, is_true(builder, b)))


def _whole_power(builder: Builder, a: str, b: str) -> str:
    """Of negative numbers too: their odd powers are negative. b is constant."""
    exponents = builder.constants[b].reshape(-1)
    size = _exp_of_log(builder, builder.unary("abs", a), b)
    signed = builder.scale(size, np.where(exponents % 2 == 1, -1.0, 1.0))
    below = builder.scale(a, np.full(exponents.size, -1.0))
    return select(builder, below, signed, size)


def _limit(node: Node, ids: Ids, low: Array, high: Array) -> list[Ids]:
    limits = [np.clip(node.spread(side, ids.shape), -LARGEST, LARGEST) for side in (low, high)]
    x = node.builder.arrange(ids)
    dims = node.builder.spans[x.name].dims
    y = node.builder.emit("clamp", [x.name], dims, [x.constant(side) for side in limits])
    return node.arranged(y, x, ids.shape)


def _clip(node: Node) -> list[Ids]:
    given = node.attributes  # before opset 11 the limits were attributes
    if node.is_live(1) or node.is_live(2):
        return _clip_between(node)
    low = node.constant(1, np.array(given.get("min", -LARGEST)))
    high = node.constant(2, np.array(given.get("max", LARGEST)))
    return _limit(node, node.ids(0), np.minimum(low, high), high)


def _clip_between(node: Node) -> list[Ids]:
    ids = node.elements(0)
    for op, k in (("max", 1), ("min", 2)):
        if node.name(k):
            [ids] = node.combine(
                lambda builder, a, b, op=op: builder.binary(op, a, b), [ids, node.elements(k)]
            )
    return [ids]


def _extreme(op: str) -> Convert:
    def convert(node: Node) -> list[Ids]:
        if len(node.proto.input) != 2 or (node.is_live(0) and node.is_live(1)):
            return _of_all(node, op)
        ids, values, shape = _live_and_constant(node)
        none = np.array(LARGEST if op == "max" else -LARGEST)
        values = values.reshape(shape)
        low, high = (values, none) if op == "max" else (none, values)
        return _limit(node, ids, low, high)

    return convert


def _of_all(node: Node, op: str) -> list[Ids]:
    """Of any number of operands, one after the other."""
    total = node.elements(0)
    for k in range(1, len(node.proto.input)):
        [total] = node.combine(
            lambda builder, a, b: builder.binary(op, a, b), [total, node.elements(k)]
        )
    return [total]


def _mean(node: Node) -> list[Ids]:
    [total] = _of_all(node, "add")
    x = node.builder.arrange(total)
    share = np.full(total.size, 1 / len(node.proto.input))
    return node.arranged(node.builder.scale(x.name, share), x, total.shape)


def _prelu(node: Node) -> list[Ids]:
    """x where it is positive, slope · x elsewhere."""

    def make(builder: Builder, x: str, slope: str) -> str:
        return select(builder, x, x, builder.binary("mul", slope, x))

    return node.together(make, 2)


ARITHMETIC: dict[str, Convert] = {
    "Add": _add,
    "Clip": _clip,
    "Div": _div,
    "Max": _extreme("max"),
    "Mean": _mean,
    "Min": _extreme("min"),
    "Mul": _mul,
    "PRelu": _prelu,
    "Pow": _pow,
    "Sub": _sub,
    "Sum": lambda node: _of_all(node, "add"),
}
