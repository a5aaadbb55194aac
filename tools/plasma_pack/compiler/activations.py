# SPDX-License-Identifier: Apache-2.0
"""Activations made of several instructions, and those that torch.nn has without weights, by class.

Each is (builder, x) → y of the same dims.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from plasma_pack.compiler.builder import Builder

Activation = Callable[[Builder, str], str]

_SELU_ALPHA, _SELU_GAMMA = 1.6732632423543772, 1.0507009873554805
_RRELU_SLOPE = (1 / 8 + 1 / 3) / 2  # the mean of the slopes that it draws in training
_SHRINK = 0.5


def scaled(builder: Builder, x: str, factor: float) -> str:
    return builder.scale(x, np.full(builder.spans[x].elements, factor))


def shifted(builder: Builder, x: str, amount: float) -> str:
    return builder.shift(x, np.full(builder.spans[x].elements, amount))


def clamped(builder: Builder, x: str, low: float, high: float) -> str:
    span = builder.spans[x]
    limits = [np.full(span.elements, low), np.full(span.elements, high)]
    return builder.emit("clamp", [x], span.dims, limits)


def mish(builder: Builder, x: str) -> str:
    """x · tanh(softplus(x)) (Misra, 2019)."""
    return builder.binary("mul", x, builder.unary("tanh", builder.unary("softplus", x)))


def hard_sigmoid(builder: Builder, x: str, alpha: float = 1 / 6, beta: float = 0.5) -> str:
    """clamp(alpha · x + beta, 0, 1), as one normalize and one clamp."""
    line = scaled(builder, shifted(builder, x, beta / alpha), alpha)
    return clamped(builder, line, 0, 1)


def hard_swish(builder: Builder, x: str) -> str:
    return builder.binary("mul", x, hard_sigmoid(builder, x))


def selu(builder: Builder, x: str, alpha: float = _SELU_ALPHA, gamma: float = _SELU_GAMMA) -> str:
    """gamma · elu(x) (Klambauer et al., 2017)."""
    return scaled(builder, builder.unary("elu", x, (alpha,)), gamma)


def softsign(builder: Builder, x: str) -> str:
    """x / (1 + |x|)."""
    return builder.binary("div", x, shifted(builder, builder.unary("abs", x), 1.0))


def _log_sigmoid(builder: Builder, x: str) -> str:
    return scaled(builder, builder.unary("softplus", scaled(builder, x, -1.0)), -1.0)


def _tanh_shrink(builder: Builder, x: str) -> str:
    return builder.binary("sub", x, builder.unary("tanh", x))


def _soft_shrink(builder: Builder, x: str) -> str:
    return builder.binary("sub", x, clamped(builder, x, -_SHRINK, _SHRINK))


def _hard_shrink(builder: Builder, x: str) -> str:
    span = builder.spans[x]
    excess = shifted(builder, builder.unary("abs", x), -_SHRINK)
    nothing = builder.constant(np.zeros(span.dims))
    return builder.emit("select", [excess, x, nothing], span.dims)


def _one(op: str, *immediates: float) -> Activation:
    return lambda builder, x: builder.unary(op, x, immediates)


# With torch's defaults, which a class without arguments has.
TORCH: Mapping[str, Activation] = {
    "CELU": _one("elu", 1.0),
    "ELU": _one("elu", 1.0),
    "GELU": Builder.gelu,
    "Hardshrink": _hard_shrink,
    "Hardsigmoid": hard_sigmoid,
    "Hardswish": hard_swish,
    "Hardtanh": lambda builder, x: clamped(builder, x, -1, 1),
    "Identity": lambda builder, x: x,
    "LeakyReLU": _one("leaky_relu", 0.01),
    "LogSigmoid": _log_sigmoid,
    "Mish": mish,
    "RReLU": _one("leaky_relu", _RRELU_SLOPE),
    "ReLU": _one("relu"),
    "ReLU6": lambda builder, x: clamped(builder, x, 0, 6),
    "SELU": selu,
    "SiLU": _one("silu"),
    "Sigmoid": _one("sigmoid"),
    "Softplus": _one("softplus"),
    "Softshrink": _soft_shrink,
    "Softsign": softsign,
    "Tanh": _one("tanh"),
    "Tanhshrink": _tanh_shrink,
}
