# SPDX-License-Identifier: Apache-2.0
"""ONNX operators on images: convolutions, pools and batch normalisation, and what each becomes.

ONNX has images as [1, channels, height, width], the machine as [height, width, channels]. A value
keeps ONNX's shape here and only its element ids say where it lies, so nothing is moved between one
layer and the next; an input is rearranged once, and a `linear` has its columns moved instead.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plasma_pack.compiler.elements import Ids, Op
from plasma_pack.importers.onnx.graph import module_path
from plasma_pack.importers.onnx.node import Node
from plasma_pack.importers.onnx.reductions import axes_of, by, reduction
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]
_PAIR = (1, 1)
# A 1 × 1 convolution is a linear over the channels of each pixel, which adapters reach. It is as fast
# where a pixel fills the 64 bytes that a row of int8 takes at least.
_LEAST_ROW = 64


@dataclass(frozen=True)
class _Window:
    """extent: (height, width) that it covers. pads: (top, left, bottom, right)."""

    extent: tuple[int, ...]
    strides: tuple[int, ...] = _PAIR
    pads: tuple[int, ...] = (0, 0, 0, 0)

    def slide(self, node: Node, image: Ids) -> tuple[int, int]:
        """(height, width) of the result."""
        height, width = (
            (size + self.pads[i] + self.pads[i + 2] - self.extent[i]) // self.strides[i] + 1
            for i, size in enumerate(image.shape[1:])
        )
        if height < 1 or width < 1:
            raise node.error(f"a window of {self.extent} does not fit an image {image.shape}")
        return height, width

    def ceiled(self, image: Ids) -> _Window:
        """With padding after the image that makes the last window fit; it must begin before, else
        there is none.
        """
        after = []
        for i, size in enumerate(image.shape[1:]):
            extent, stride = self.extent[i], self.strides[i]
            before, behind = self.pads[i], self.pads[i + 2]
            last = -(-(size + before + behind - extent) // stride) * stride
            last -= stride if last >= size + before else 0
            after.append(max(0, last + extent - size - before))
        return replace(self, pads=(*self.pads[:2], *after))


def _conv(node: Node) -> list[Ids]:
    """Kernels from [out, in / groups, height, width] to [out, height, width, in / groups], or to
    [out, in] of a linear.
    """
    image = _image(node)
    given = node.attributes
    kernels = node.constant(1).astype(np.float32)
    is_line = kernels.ndim == 3
    kernels = kernels[:, :, None] if is_line else kernels
    if kernels.ndim != 4 or image.shape[0] != kernels.shape[1] * given.get("group", 1):
        raise node.error(f"kernels {kernels.shape} do not fit an image {image.shape}")
    dilations = _pair(given.get("dilations", ()), 1)
    extent = tuple((k - 1) * d + 1 for k, d in zip(kernels.shape[2:], dilations, strict=True))
    window = _window(node, extent, image)
    out = window.slide(node, image)
    bias = node.constant(2, np.zeros(len(kernels))).astype(np.float32)
    source, kernels, bias = _unnormalised(node, image, kernels, bias, has_pads=any(window.pads))
    label = module_path(node.proto, node.name(1))
    if window == _Window(_PAIR) and len(image) == kernels.shape[1] >= _LEAST_ROW:
        x = node.builder.channels_last(source)
        y = node.builder.linear(x, kernels[:, :, 0, 0], bias, label)
        return [_lined(_from_machine(node, y, (*out, len(kernels))), is_line=is_line)]
    constants = [kernels.transpose(0, 2, 3, 1), *([bias] if bias.any() else [])]
    numbers = tuple(float(n) for n in (*window.strides, *window.pads, *dilations))
    x = node.builder.channels_last(source)
    dims = (*out, len(kernels))
    y = node.builder.emit("conv2d", [x], dims, constants, numbers, label)
    return [_lined(_from_machine(node, y, dims), is_line=is_line)]


def _unnormalised(
    node: Node, image: Ids, kernels: Array, bias: Array, *, has_pads: bool
) -> tuple[Ids, Array, Array]:
    """Observations that are only scaled, or shifted channel by channel, are so by the kernels.

    A shift would move padding too, so then it stays.
    """
    x = node.builder.arrange(image)
    made = node.builder.made.get(x.name)
    while made is not None and made.op == "normalize":
        mean, scale = (c[x.order].reshape(len(image), -1) for c in made.constants)
        is_by_channel = (mean == mean[:, :1]).all() and (scale == scale[:, :1]).all()
        if not is_by_channel or (has_pads and mean.any()):
            break
        seen = _channels_seen(kernels, len(image))
        kernels = kernels * scale[:, 0][seen][:, :, None, None]
        bias = bias - (kernels * mean[:, 0][seen][:, :, None, None]).sum(axis=(1, 2, 3))
        image = node.builder.arranged_ids(made.inputs[0], x.order).reshape(image.shape)
        made = node.builder.made.get(made.inputs[0])
    return image, kernels.astype(np.float32), bias.astype(np.float32)


def _channels_seen(kernels: Array, channels: int) -> Ids:
    """[out, in / groups]: which channel each weight of a kernel meets."""
    depth = kernels.shape[1]
    rows = len(kernels) * depth // channels
    seen: Ids = (np.arange(len(kernels)) // rows)[:, None] * depth + np.arange(depth)
    return seen


def _batch_norm(node: Node) -> list[Ids]:
    """(x − mean) · k + b channel by channel, folded into the layer before it where there is one."""
    ids = node.ids(0)
    gain, offset, mean, variance = (node.constant(k).astype(np.float64) for k in range(1, 5))
    scale = gain / np.sqrt(variance + node.attributes.get("epsilon", 1e-5))
    shift = offset - mean * scale
    by_channel = (1, -1, *[1] * (ids.ndim - 2))
    x = node.builder.arrange(ids)
    factor, amount = (
        x.constant(node.spread(values.reshape(by_channel), ids.shape)) for values in (scale, shift)
    )
    made = node.builder.made.get(x.name)
    if made is not None and made.op in ("conv2d", "linear"):
        return node.arranged(_normalised_layer(node, made, factor, amount), x, ids.shape)
    y = node.builder.shift(node.builder.scale(x.name, factor), amount)
    return node.arranged(y, x, ids.shape)


def _normalised_layer(node: Node, made: Op, factor: Array, amount: Array) -> str:
    weights, *rest = made.constants
    rows = len(weights)
    scale, shift = (values.reshape(-1, rows)[0] for values in (factor, amount))
    bias = (rest[0] if rest else np.zeros(rows)) * scale + shift
    scaled = weights * scale.reshape(rows, *[1] * (weights.ndim - 1))
    constants = (scaled.astype(np.float32), bias.astype(np.float32))
    if made.op == "linear":
        return node.builder.linear(made.inputs[0], *constants, made.label or "")
    return node.builder.again(made, *constants)


def _pool(op: str) -> Convert:
    def convert(node: Node) -> list[Ids]:
        given, image = node.attributes, _image(node)
        if len(node.proto.output) > 1 or any(d != 1 for d in given.get("dilations", ())):
            raise node.error("gives indices or is dilated; that is not supported")
        window = _window(node, _pair(given["kernel_shape"], 1), image)
        whole = window.ceiled(image) if given.get("ceil_mode", 0) else window
        if op == "avg_pool2d" and given.get("count_include_pad", 0):
            image, whole = _padded(node, image, whole, window.pads)
        return [_lined(_slide(node, op, whole, image), is_line=node.ids(0).ndim == 3)]

    return convert


def _padded(
    node: Node, image: Ids, window: _Window, counted: tuple[int, ...]
) -> tuple[Ids, _Window]:
    """Padding that counts is part of the image: zeros. What makes the last window fit is none."""
    top, left, bottom, right = (int(n) for n in np.minimum(counted, window.pads))
    channels, height, width = image.shape
    node.broadcast((channels, height + top + bottom, width + left + right))
    zero = int(node.number(0.0)[0])
    padded = np.pad(image, ((0, 0), (top, bottom), (left, right)), constant_values=zero)
    rest = np.subtract(window.pads, (top, left, bottom, right))
    return padded, replace(window, pads=tuple(int(n) for n in rest))


def _global_pool(op: str) -> Convert:
    def convert(node: Node) -> list[Ids]:
        image = _image(node)
        return [
            _lined(_slide(node, op, _Window(image.shape[1:]), image), is_line=node.ids(0).ndim == 3)
        ]

    return convert


def _reduce(op: str, pool: str) -> Convert:
    """An image is pooled where it lies, as torch's AdaptiveAvgPool2d(1) and mean((2, 3)) are."""

    def convert(node: Node) -> list[Ids] | None:
        ids = node.ids(0)
        if axes_of(node, ids.ndim) != [2, 3] or not _lies_as_image(node, ids):
            return reduction(by(op))(node)
        pooled = _slide(node, pool, _Window(ids.shape[2:]), _image(node))
        return [pooled if node.attributes.get("keepdims", 1) else pooled.reshape(1, -1)]

    return convert


def _lies_as_image(node: Node, ids: Ids) -> bool:
    """Whether a value [1, channels, h, w] is one tensor [h, w, channels] as it is."""
    if ids.ndim != 4 or len(ids) != 1:
        return False
    span = node.builder.spans[node.builder.arrange(ids).name]
    last = ids[0].transpose(1, 2, 0)
    return span.dims == last.shape and np.array_equal(last.reshape(-1), node.builder.ids(span.name))


def _slide(node: Node, op: str, window: _Window, image: Ids) -> Ids:
    out = window.slide(node, image)
    x = node.builder.channels_last(image)
    numbers = tuple(float(n) for n in (*window.extent, *window.strides, *window.pads))
    dims = (*out, len(image))
    y = node.builder.emit(op, [x], dims, immediates=numbers)
    return _from_machine(node, y, dims)


def _image(node: Node) -> Ids:
    """The ids [channels, height, width] of a live image; a line of pixels is an image one high."""
    ids = node.ids(0)
    if ids.ndim not in (3, 4) or ids.shape[0] != 1:
        raise node.error(
            f"found a value {ids.shape}, expected an image [1, channels, h, w] or a line "
            "[1, channels, w]"
        )
    image: Ids = ids[0] if ids.ndim == 4 else ids[0][:, None]
    return image


def _lined(image: Ids, *, is_line: bool) -> Ids:
    if not is_line:
        return image
    line: Ids = image[:, :, 0]
    return line


def _from_machine(node: Node, y: str, dims: tuple[int, int, int]) -> Ids:
    image: Ids = node.builder.ids(y).reshape(dims).transpose(2, 0, 1)[None]
    return image


def _window(node: Node, extent: tuple[int, ...], image: Ids) -> _Window:
    """The pads of SAME are as large as makes the result size / stride, rounded up."""
    given = node.attributes
    strides, pads = _pair(given.get("strides", ()), 1), _pads(given.get("pads", ()))
    if given.get("auto_pad", "NOTSET") in ("NOTSET", "VALID"):
        return _Window(extent, strides, pads)
    sizes = zip(image.shape[1:], extent, strides, strict=True)
    missing = [max(0, (-(-size // s) - 1) * s + e - size) for size, e, s in sizes]
    less, more = ([n // 2 for n in missing], [n - n // 2 for n in missing])
    is_upper = given["auto_pad"] == "SAME_UPPER"
    return _Window(extent, strides, (*(less if is_upper else more), *(more if is_upper else less)))


def _pair(numbers: Sequence[int], default: int) -> tuple[int, ...]:
    """One for each axis of an image, of which a line has the second only."""
    return (*[default] * (2 - len(numbers)), *numbers)


def _pads(numbers: Sequence[int]) -> tuple[int, ...]:
    half = len(numbers) // 2
    return (*_pair(numbers[:half], 0), *_pair(numbers[half:], 0))


IMAGES: dict[str, Convert] = {
    "AveragePool": _pool("avg_pool2d"),
    "BatchNormalization": _batch_norm,
    "Conv": _conv,
    "GlobalAveragePool": _global_pool("avg_pool2d"),
    "GlobalMaxPool": _global_pool("max_pool2d"),
    "MaxPool": _pool("max_pool2d"),
    "ReduceMax": _reduce("reduce_max", "max_pool2d"),
    "ReduceMean": _reduce("reduce_mean", "avg_pool2d"),
}
