# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that compare, decide and round, and what each becomes.

A condition is 1 or 0. a > b is a − b > 0, exactly: floats have denormals. So `select` is all that
comparing takes, and and, or and not are arithmetic.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.node import Node

Convert = Callable[[Node], list[Ids] | None]
Make = Callable[..., str]


def constant_like(builder: Builder, x: str, value: float) -> str:
    return builder.constant(np.full(builder.spans[x].dims, value))


def select(builder: Builder, condition: str, yes: str, no: str) -> str:
    dims = builder.spans[condition].dims
    return builder.emit("select", [condition, yes, no], dims)


def where_positive(builder: Builder, x: str, yes: float, no: float) -> str:
    return select(builder, x, constant_like(builder, x, yes), constant_like(builder, x, no))


def greater(builder: Builder, a: str, b: str) -> str:
    return where_positive(builder, builder.binary("sub", a, b), 1, 0)


def at_most(builder: Builder, a: str, b: str) -> str:
    return where_positive(builder, builder.binary("sub", a, b), 0, 1)


def _less(builder: Builder, a: str, b: str) -> str:
    return greater(builder, b, a)


def _at_least(builder: Builder, a: str, b: str) -> str:
    return at_most(builder, b, a)


def _equal(builder: Builder, a: str, b: str) -> str:
    difference = builder.unary("abs", builder.binary("sub", a, b))
    return where_positive(builder, difference, 0, 1)


def _differ(builder: Builder, a: str, b: str) -> str:
    return builder.unary("abs", builder.binary("sub", a, b))


def negation(builder: Builder, x: str) -> str:
    """1 − x."""
    n = builder.spans[x].elements
    return builder.scale(builder.shift(x, np.full(n, -1.0)), np.full(n, -1.0))


def is_true(builder: Builder, x: str) -> str:
    """1 where x is anything but 0."""
    return where_positive(builder, builder.unary("abs", x), 1, 0)


def floor(builder: Builder, x: str) -> str:
    nearest = builder.unary("round", x)
    return builder.binary("sub", nearest, greater(builder, nearest, x))


def _ceil(builder: Builder, x: str) -> str:
    nearest = builder.unary("round", x)
    return builder.binary("add", nearest, greater(builder, x, nearest))


def truncate(builder: Builder, x: str) -> str:
    return select(builder, x, floor(builder, x), _ceil(builder, x))


def _sign(builder: Builder, x: str) -> str:
    below = builder.scale(x, np.full(builder.spans[x].elements, -1.0))
    positive, negative = (where_positive(builder, side, 1, 0) for side in (x, below))
    return builder.binary("sub", positive, negative)


def _remainder(whole: Make) -> Make:
    """a − whole(a / b) · b."""

    def make(builder: Builder, a: str, b: str) -> str:
        quotient = whole(builder, builder.binary("div", a, b))
        return builder.binary("sub", a, builder.binary("mul", quotient, b))

    return make


def _mod(node: Node) -> list[Ids]:
    return node.together(_remainder(truncate if node.attributes.get("fmod", 0) else floor), 2)


def _one(make: Make) -> Convert:
    return lambda node: node.map(0, lambda x: make(node.builder, x.name))


def _two(make: Make) -> Convert:
    return lambda node: node.together(make, 2)


def _where(node: Node) -> list[Ids]:
    if node.is_live(0):
        return node.together(select, 3)
    node.broadcast(*(node.shape(k) for k in range(3)))
    return [np.where(node.constant(0), node.elements(1), node.elements(2))]


LOGIC: dict[str, Convert] = {
    "And": _two(lambda builder, a, b: builder.binary("mul", a, b)),
    "Ceil": _one(_ceil),
    "Equal": _two(_equal),
    "Floor": _one(floor),
    "Greater": _two(greater),
    "GreaterOrEqual": _two(_at_least),
    "Less": _two(_less),
    "LessOrEqual": _two(at_most),
    "Mod": _mod,
    "Not": _one(negation),
    "Or": _two(lambda builder, a, b: builder.binary("max", a, b)),
    "Round": _one(lambda builder, x: builder.unary("round", x)),
    "Sign": _one(_sign),
    "Where": _where,
    "Xor": _two(_differ),
}
