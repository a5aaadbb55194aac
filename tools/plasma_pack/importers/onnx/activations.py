# SPDX-License-Identifier: Apache-2.0
"""ONNX operators of one operand that work element by element: an instruction each, or a few where
the function is made of others.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.activations import (
    Activation,
    hard_sigmoid,
    hard_swish,
    mish,
    scaled,
    selu,
    shifted,
)
from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.node import Node

Convert = Callable[[Node], list[Ids] | None]
Apply = Callable[[Node, str], str]


def _apply(function: Apply) -> Convert:
    """function: (node, x) → y of the same dims."""

    def convert(node: Node) -> list[Ids]:
        return node.map(0, lambda x: function(node, x.name))

    return convert


def _plain(function: Activation) -> Convert:
    return _apply(lambda node, x: function(node.builder, x))


def _unary(op: str) -> Convert:
    return _apply(lambda node, x: node.builder.unary(op, x))


def _with_alpha(op: str, default: float) -> Convert:
    return _apply(lambda node, x: node.builder.unary(op, x, (_attribute(node, "alpha", default),)))


def _attribute(node: Node, name: str, default: float) -> float:
    return float(node.attributes.get(name, default))


def _neg(node: Node, x: str) -> str:
    return scaled(node.builder, x, -1.0)


def _reciprocal(node: Node, x: str) -> str:
    ones = node.builder.constant(np.ones(node.builder.spans[x].dims))
    return node.builder.binary("div", ones, x)


def _gelu(node: Node, x: str) -> str:
    """x · (1 + erf(x / √2)) / 2, or its older approximation by tanh."""
    builder = node.builder
    if node.attributes.get("approximate", "none") == "tanh":
        cube = builder.binary("mul", builder.binary("mul", x, x), x)
        inner = builder.binary("add", x, scaled(builder, cube, 0.044715))
        gate = builder.unary("tanh", scaled(builder, inner, math.sqrt(2 / math.pi)))
        return builder.binary("mul", x, scaled(builder, shifted(builder, gate, 1.0), 0.5))
    return builder.gelu(x)


def _hard_sigmoid(node: Node, x: str) -> str:
    alpha, beta = _attribute(node, "alpha", 0.2), _attribute(node, "beta", 0.5)
    if alpha == 0:
        raise node.error("alpha is 0, so it does not depend on its operand")
    return hard_sigmoid(node.builder, x, alpha, beta)


def _selu(node: Node, x: str) -> str:
    alpha = _attribute(node, "alpha", 1.67326319217681884765625)
    gamma = _attribute(node, "gamma", 1.05070102214813232421875)
    return selu(node.builder, x, alpha, gamma)


def _swish(node: Node, x: str) -> str:
    alpha = _attribute(node, "alpha", 1.0)
    gate = node.builder.unary("sigmoid", scaled(node.builder, x, alpha) if alpha != 1 else x)
    return node.builder.binary("mul", x, gate)


def _tan(node: Node, x: str) -> str:
    return node.builder.binary("div", node.builder.unary("sin", x), node.builder.unary("cos", x))


ACTIVATIONS: dict[str, Convert] = {
    "Abs": _unary("abs"),
    "Cos": _unary("cos"),
    "Elu": _with_alpha("elu", 1.0),
    "Erf": _unary("erf"),
    "Exp": _unary("exp"),
    "Gelu": _apply(_gelu),
    "HardSigmoid": _apply(_hard_sigmoid),
    "HardSwish": _plain(hard_swish),
    "LeakyRelu": _with_alpha("leaky_relu", 0.01),
    "Log": _unary("log"),
    "Mish": _plain(mish),
    "Neg": _apply(_neg),
    "Reciprocal": _apply(_reciprocal),
    "Relu": _unary("relu"),
    "Selu": _apply(_selu),
    "Sigmoid": _unary("sigmoid"),
    "Sin": _unary("sin"),
    "Softplus": _unary("softplus"),
    "Sqrt": _unary("sqrt"),
    "Swish": _apply(_swish),
    "Tan": _apply(_tan),
    "Tanh": _unary("tanh"),
}
