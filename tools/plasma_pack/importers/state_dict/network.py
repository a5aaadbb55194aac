# SPDX-License-Identifier: Apache-2.0
"""Layers of a state_dict, by name, as operations of a Builder.

Every layer that is taken is noted, so that at the end nothing the actor has can have been missed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from plasma_pack.compiler.activations import TORCH
from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.errors import SourceError
from plasma_pack.importers.state_dict.weights import Weights
from plasma_pack.program.program import Array, Storage

_NATURE_KERNELS, _NATURE_STRIDES = (8, 4, 3), (4, 2, 1)


@dataclass(frozen=True, eq=False)
class Pixels:
    """An image [channels, height, width] as it comes in; the network sees it times `scale`."""

    ids: Ids
    scale: float


class Network:
    """Grows a builder from weights by name. Values are the ids of their elements."""

    def __init__(self, builder: Builder, weights: Weights) -> None:
        self.builder = builder
        self.weights = weights
        self.taken: set[str] = set()
        self.states: dict[str, Ids] = {}

    def has(self, prefix: str) -> bool:
        return any(name.startswith(prefix) for name in self.weights)

    def take(self, name: str, rank: int | None) -> Array:
        """Weights by name, of this rank; None: of any."""
        if name not in self.weights or rank not in (None, self.weights[name].ndim):
            found = self.weights[name].shape if name in self.weights else "nothing"
            expected = "an array" if rank is None else f"{rank} dimensions"
            raise SourceError(f"the weights: found {found} as {name!r}, expected {expected}")
        self.taken.add(name)
        return self.weights[name].astype(np.float32)

    def refuse_leftovers(self, ignored: Sequence[str]) -> None:
        """ignored: beginnings of names that do not act: critics, targets, spreads."""
        left = [
            name
            for name in self.weights
            if name not in self.taken and not name.startswith((*ignored,))
        ]
        if left:
            raise SourceError(
                f"the weights have layers that no standard policy has: {', '.join(left[:4])}"
                f"{' …' if len(left) > 4 else ''}; export the policy to ONNX instead"
            )

    def linear(self, x: Ids, layer: str) -> Ids:
        weights, bias = self.take(f"{layer}.weight", 2), self._bias(layer)
        return self._linear(x, weights, bias, layer)

    def _linear(self, x: Ids, weights: Array, bias: Array | None, label: str) -> Ids:
        if weights.shape[1] != x.size:
            raise SourceError(
                f"the weights: {label} takes {weights.shape[1]} values, found {x.size}"
            )
        value = self.builder.arrange(x)
        y = self.builder.linear(value.name, value.constant(weights), bias, label)
        return self.builder.ids(y)

    def _bias(self, layer: str) -> Array | None:
        return self.take(f"{layer}.bias", 1) if f"{layer}.bias" in self.weights else None

    def mlp(self, x: Ids, prefix: str, activation: str) -> Ids:
        """An nn.Sequential that activates after every layer; x itself when it has none."""
        for index in self._indices(prefix):
            x = self.activate(self.linear(x, f"{prefix}.{index}"), activation)
        return x

    def head(self, x: Ids, prefix: str, activation: str, quantiles: int = 1) -> Ids:
        """The same, without an activation after the last layer.

        Of a last layer [quantiles · n] it is the mean of the quantiles, which is a layer [n].
        """
        *hidden, last = self._indices(prefix) or [0]
        for index in hidden:
            x = self.activate(self.linear(x, f"{prefix}.{index}"), activation)
        weights, bias = self.take(f"{prefix}.{last}.weight", 2), self._bias(f"{prefix}.{last}")
        if len(weights) % quantiles:
            raise SourceError(f"the weights: {prefix} does not give {quantiles} quantiles")
        if bias is not None:
            bias = bias.reshape(quantiles, -1).mean(0)
        means = weights.reshape(quantiles, -1, weights.shape[1]).mean(0)
        return self._linear(x, means, bias, f"{prefix}.{last}")

    def _indices(self, prefix: str) -> list[int]:
        """Where the layers stand. There must be one activation between each two of them."""
        found = {
            int(match[1])
            for name in self.weights
            if (match := re.fullmatch(rf"{re.escape(prefix)}\.(\d{{1,4}})\.weight", name))
        }
        if found != set(range(0, 2 * len(found), 2)):
            raise SourceError(
                f"the weights: {prefix} has layers at {sorted(found)}, expected every other place; "
                "export the policy to ONNX instead"
            )
        return sorted(found)

    def members(self, prefix: str) -> list[str]:
        """The layers of an nn.Sequential that have weights, in order."""
        found = (re.match(rf"{re.escape(prefix)}\.(\d{{1,4}})\.", name) for name in self.weights)
        places = {int(match[1]) for match in found if match}
        return [f"{prefix}.{place}" for place in sorted(places)]

    def batch_renorm(self, x: Ids, layer: str, epsilon: float) -> Ids:
        """As it acts: (x − mean) / √(variance + ε) · scale + bias, of running statistics."""
        names = ("ra_mean", "ra_var", "scale", "bias")
        mean, variance, scale, bias = (self.take(f"{layer}.{n}", 1).astype(float) for n in names)
        self.take(f"{layer}.steps", 0)
        if any(values.size != x.size for values in (mean, variance, scale, bias)):
            raise SourceError(f"the weights: {layer} has {mean.size} values, found {x.size}")
        if not (variance + epsilon > 0).all():
            raise SourceError(f"the weights: {layer} has a variance that is not positive")
        normal = self.affine(x, mean, scale / np.sqrt(variance + epsilon))
        return self.affine(normal, -bias, np.ones(bias.size))

    def activation_named(self, name: str) -> str | None:
        """Of torch.nn, whatever its case; None when it is none, or a layer is called so."""
        known = {kind.lower(): kind for kind in TORCH}
        return None if f"{name}.weight" in self.weights else known.get(name.lower())

    def activate(self, x: Ids, kind: str) -> Ids:
        if kind not in TORCH:
            raise SourceError(
                f"the activation {kind} is not supported; supported are {', '.join(TORCH)}; "
                "export the policy to ONNX instead"
            )
        value = self.builder.arrange(x)
        y = TORCH[kind](self.builder, value.name)
        return self.builder.arranged_ids(y, value.order).reshape(x.shape)

    def nature_cnn(self, image: Pixels, prefix: str) -> Ids:
        """Mnih et al. (2015): three convolutions and a layer, each with relu."""
        x = image.ids
        for index, (size, stride) in enumerate(zip(_NATURE_KERNELS, _NATURE_STRIDES, strict=True)):
            layer = f"{prefix}cnn.{2 * index}"
            kernels = self.take(f"{layer}.weight", 4)
            if kernels.shape[1:] != (len(x), size, size):
                raise SourceError(
                    f"the weights: {layer} has kernels {kernels.shape}, which is no NatureCNN on an "
                    f"image of {len(x)} channels; export the policy to ONNX instead"
                )
            x = self.convolution(x, layer, stride, image.scale if index == 0 else 1.0)
            x = self.activate(x, "ReLU")
        return self.mlp(x, f"{prefix}linear", "ReLU")

    def convolution(self, x: Ids, layer: str, stride: int, scale: float = 1.0) -> Ids:
        """x [channels, height, width], times scale; no padding."""
        kernels = self.take(f"{layer}.weight", 4) * np.float32(scale)
        bias = self._bias(layer)
        out, channels, *extent = kernels.shape
        if x.ndim != 3 or len(x) != channels or stride < 1:
            raise SourceError(
                f"the weights: {layer} takes an image of {channels} channels, found {x.shape}"
            )
        height, width = (
            (size - k) // stride + 1 for size, k in zip(x.shape[1:], extent, strict=True)
        )
        if height < 1 or width < 1:
            raise SourceError(f"the weights: {layer} does not fit an image {x.shape}")
        constants = [kernels.transpose(0, 2, 3, 1), *([] if bias is None else [bias])]
        numbers = (float(stride), float(stride), 0.0, 0.0, 0.0, 0.0, 1.0, 1.0)
        dims = (height, width, out)
        image = self.builder.channels_last(x)
        y = self.builder.emit("conv2d", [image], dims, constants, numbers, layer)
        return self.builder.ids(y).reshape(dims).transpose(2, 0, 1)

    def lstm(self, x: Ids, prefix: str) -> Ids:
        """torch.nn.LSTM, one step; its states begin at zero, as they do in every episode."""
        layer = 0
        while f"{prefix}.weight_ih_l{layer}" in self.weights:
            x = self._lstm_layer(x, prefix, layer)
            layer += 1
        return x

    def _lstm_layer(self, x: Ids, prefix: str, layer: int) -> Ids:
        hidden = self.take(f"{prefix}.weight_hh_l{layer}", 2)
        size = hidden.shape[1]
        names = [f"{prefix}.{part}{layer}" for part in "hc"]
        h, c = (self.builder.declare(name, size, Storage.STATE) for name in names)
        inward = self.take(f"{prefix}.weight_ih_l{layer}", 2)
        gates = [
            self.builder.tensor(self._linear(value, weights, bias, f"{prefix}.{part}_l{layer}"))
            for value, weights, part in ((x, inward, "ih"), (h, hidden, "hh"))
            for bias in (self._lstm_bias(prefix, part, layer),)
        ]
        cell = self.builder.emit("lstm_cell", [*gates, names[1]], size)
        output = self.builder.emit("lstm_hidden", [*gates, cell], size)
        self.states |= {names[0]: self.builder.ids(output), names[1]: self.builder.ids(cell)}
        return self.builder.ids(output)

    def _lstm_bias(self, prefix: str, part: str, layer: int) -> Array | None:
        name = f"{prefix}.bias_{part}_l{layer}"
        return self.take(name, 1) if name in self.weights else None

    def clamp(self, x: Ids, low: Array, high: Array) -> Ids:
        """low, high: f64 of x's shape."""
        value = self.builder.arrange(x)
        bounds = [value.constant(np.ravel(bound)) for bound in (low, high)]
        y = self.builder.emit("clamp", [value.name], self.builder.spans[value.name].dims, bounds)
        return self.builder.arranged_ids(y, value.order).reshape(x.shape)

    def squash(self, x: Ids, scale: Array, offset: Array) -> Ids:
        """tanh(x) · scale + offset, both f64 of x's size."""
        y = self.builder.scale(self.builder.unary("tanh", self.builder.tensor(x)), scale)
        return self.builder.ids(self.builder.shift(y, offset))

    def affine(self, x: Ids, mean: Array, scale: Array) -> Ids:
        """(x − mean) · scale, both f64 of x's shape."""
        value = self.builder.arrange(x)
        shifted = self.builder.shift(value.name, value.constant(-np.ravel(mean)))
        y = self.builder.scale(shifted, value.constant(np.ravel(scale)))
        return self.builder.arranged_ids(y, value.order).reshape(x.shape)
