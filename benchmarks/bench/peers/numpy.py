# SPDX-License-Identifier: Apache-2.0
"""numpy: the net written out by hand, fp32, into arrays made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle

import numpy as np

from ..catalog import Array, Net
from ..contender import Action, Call, Contender, NotRun


def contenders(net: Net) -> Iterator[Contender]:
    if net.letter not in _CALLS:
        raise NotRun("nobody writes this net by hand in numpy")
    yield Contender("by hand", lambda: _CALLS[net.letter](net), lambda obs: obs)


def _mlp(net: Net) -> Call:
    layers = _layers(net)
    activate = np.tanh if net.letter == "A" else _relu
    outs = [np.empty(len(bias), np.float32) for _, bias in layers]
    steps = list(zip(layers[:-1], outs[:-1], strict=True))
    (last, last_bias), action = layers[-1], outs[-1]

    def call(obs: Array) -> Action:
        x = obs
        for (weight, bias), out in steps:
            np.dot(weight, x, out=out)
            np.add(out, bias, out=out)
            x = activate(out, out=out)
        np.dot(last, x, out=action)
        return np.add(action, last_bias, out=action)

    return call


def _adapted(net: Net) -> Call:
    layers = _layers(net)
    adapters = cycle(net.adapters).__next__

    def call(obs: Array) -> Action:
        x = obs
        adapter = adapters()
        for index, (weight, bias) in enumerate(layers):
            y = weight @ x + bias + adapter[f"b{index}"] @ (adapter[f"a{index}"] @ x)
            x = np.maximum(y, 0.0, out=y) if index < len(layers) - 1 else y
        return x

    return call


def _gru(net: Net) -> Call:
    w_ih, w_hh, b_ih, b_hh = _recurrent(net, "gru")
    head, head_bias = net.weights["head.weight"], net.weights["head.bias"]
    n = net.hidden
    h = np.zeros(n, np.float32)

    def call(obs: Array) -> Action:
        nonlocal h
        gi, gh = w_ih @ obs + b_ih, w_hh @ h + b_hh
        r, z = _sigmoid(gi[:n] + gh[:n]), _sigmoid(gi[n : 2 * n] + gh[n : 2 * n])
        candidate = np.tanh(gi[2 * n :] + r * gh[2 * n :])
        h = candidate + z * (h - candidate)
        return head @ h + head_bias

    return call


def _lstm(net: Net) -> Call:
    w_ih, w_hh, b_ih, b_hh = _recurrent(net, "lstm")
    head, head_bias, bias = net.weights["head.weight"], net.weights["head.bias"], b_ih + b_hh
    n = net.hidden
    h, c = np.zeros(n, np.float32), np.zeros(n, np.float32)

    def call(obs: Array) -> Action:
        nonlocal h, c
        gates = w_ih @ obs + w_hh @ h + bias
        i, f, o = _sigmoid(gates[:n]), _sigmoid(gates[n : 2 * n]), _sigmoid(gates[3 * n :])
        c = f * c + i * np.tanh(gates[2 * n : 3 * n])
        h = o * np.tanh(c)
        return head @ np.concatenate((obs[:32], h)) + head_bias

    return call


def _layers(net: Net) -> list[tuple[Array, Array]]:
    names = sorted({name.rsplit(".", 1)[0] for name in net.weights})
    return [(net.weights[f"{name}.weight"], net.weights[f"{name}.bias"]) for name in names]


def _recurrent(net: Net, module: str) -> list[Array]:
    parts = ("weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0")
    return [net.weights[f"{module}.{part}"] for part in parts]


def _relu(x: Array, out: Array) -> Array:
    return np.maximum(x, 0.0, out=out)


def _sigmoid(x: Array) -> Array:
    return np.float32(1.0) / (np.float32(1.0) + np.exp(-x))


_CALLS: dict[str, Callable[[Net], Call]] = {
    "A": _mlp,
    "B": _mlp,
    "C": _mlp,
    "D": _gru,
    "E": _lstm,
    "I": _adapted,
}
