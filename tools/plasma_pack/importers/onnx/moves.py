# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that only move elements, but need numbers besides or know them by other words:
padding, scattering, triangles, resizing.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx

from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]
MAX_SIDE = 4096
_MODES = ("constant", "edge", "reflect", "wrap")


def _pad(node: Node) -> list[Ids]:
    ids, mode = node.ids(0), node.attributes.get("mode", "constant")
    if mode not in _MODES:
        raise node.error(f"pads by {mode!r}, expected one of {', '.join(_MODES)}")
    pads = node.constant(1).reshape(-1).astype(np.int64)
    axes = node.constant(3, np.arange(ids.ndim)).reshape(-1).astype(np.int64) % ids.ndim
    widths = np.zeros((ids.ndim, 2), np.int64)
    widths[axes] = pads.reshape(2, -1).T
    node.broadcast(tuple(int(n) for n in np.maximum(ids.shape + widths.sum(axis=1), 0)))
    cut = tuple(
        slice(max(0, -a), n - max(0, -b)) for n, (a, b) in zip(ids.shape, widths, strict=True)
    )
    ids, widths = ids[cut], np.maximum(widths, 0)
    if mode != "constant":
        return [np.pad(ids, widths.tolist(), mode=mode)]
    value = node.elements(2) if node.name(2) else node.number(0.0)
    return [np.pad(ids, widths.tolist(), constant_values=int(value.reshape(-1)[0]))]


def _scatter(node: Node) -> list[Ids]:
    if node.attributes.get("reduction", "none") != "none":
        raise node.error("adds up what it scatters; that is not supported")
    data, updates = node.elements(0), node.elements(2)
    return node.graph.evaluate(node.proto, [data, node.constant(1), updates])


def _trilu(node: Node) -> list[Ids]:
    ids = node.ids(0)
    offset = int(node.constant(1, np.array(0)).reshape(-1)[0])
    triangle = np.triu if node.attributes.get("upper", 1) else np.tril
    kept = triangle(np.ones(ids.shape, bool), offset)
    return [np.where(kept, ids, node.number(0.0))]


def _resize(node: Node) -> list[Ids]:
    """Along each axis a constant matrix of few terms in a row: what ONNX makes of unit vectors."""
    ids, given = node.ids(0), node.attributes
    crops = given.get("coordinate_transformation_mode") == "tf_crop_and_resize"
    if crops or given.get("keep_aspect_ratio_policy", "stretch") != "stretch":
        raise node.error("crops or keeps an aspect ratio; export with sizes or scales alone")
    by_size = bool(node.name(3))
    targets = node.constant(3 if by_size else 2).reshape(-1)
    axes = given.get("axes", range(ids.ndim))
    for axis, target in zip(axes, targets, strict=True):
        if target != (ids.shape[axis] if by_size else 1):
            matrix = _resized_units(node, ids.shape[axis], target, by_size=by_size)
            ids = _weighted(node, np.moveaxis(ids, axis, -1), matrix)
            ids = np.moveaxis(ids, -1, axis)
    return [ids]


def _resized_units(node: Node, size: int, target: float, *, by_size: bool) -> Array:
    """[out, in] of one axis."""
    wanted = target if by_size else size * target
    if not 1 <= wanted <= MAX_SIDE or size > MAX_SIDE:
        raise node.error(f"resizes {size} to {wanted}; expected 1 to {MAX_SIDE} along an axis")
    proto = onnx.NodeProto()
    proto.CopyFrom(node.proto)
    del proto.input[:], proto.attribute[:]
    proto.attribute.extend(a for a in node.proto.attribute if a.name != "axes")
    proto.input.extend(["x", "", "", "sizes"] if by_size else ["x", "", "scales"])
    target_of_both = np.array([size, target], np.int64) if by_size else np.array([1, target], "f4")
    operands = [np.eye(size, dtype=np.float32), None, *([None] * by_size), target_of_both]
    return node.graph.evaluate(proto, operands)[0].T.astype(np.float64)


def _weighted(node: Node, ids: Ids, matrix: Array) -> Ids:
    """[…, in] → […, out]: the first terms of all rows together, then the second, and so on."""
    builder = node.builder
    terms = max(1, int((matrix != 0).sum(axis=1).max()))
    order = np.argsort(matrix == 0, axis=1, kind="stable")[:, :terms]
    weights = np.take_along_axis(matrix, order, axis=1)
    shape = (*ids.shape[:-1], len(matrix))
    node.broadcast(shape)
    if terms == 1 and (weights == 1).all():
        return ids[..., order[:, 0]]
    total = ""
    for k in range(terms):
        x = builder.tensor(ids[..., order[:, k]])
        part = builder.scale(x, np.broadcast_to(weights[:, k], shape).reshape(-1))
        total = builder.binary("add", total, part) if total else part
    return builder.ids(total).reshape(shape)


def _random(op: str, low: str, high: str) -> Convert:
    """Of uniform: low and high; of normal: mean and scale."""

    def convert(node: Node) -> list[Ids]:
        given = node.attributes
        shape = tuple(given["shape"]) if "shape" in given else node.shape(0)
        node.broadcast(shape)
        y = node.builder.emit(op, [], int(np.prod(shape)))
        first, second = given.get(low, 0.0), given.get(high, 1.0)
        factor = second - first if op == "uniform" else second
        n = node.builder.spans[y].elements
        scaled = node.builder.scale(y, np.full(n, factor))
        return node.wrap(node.builder.shift(scaled, np.full(n, first)), shape)

    return convert


def _dropout(node: Node) -> list[Ids]:
    if node.name(2) and node.constant(2).any():
        raise node.error("is in training mode; export the policy after .eval()")
    kept = np.broadcast_to(node.number(1.0), node.shape(0))
    return [node.index(0), kept]


MOVES: dict[str, Convert] = {
    "Dropout": _dropout,
    "Pad": _pad,
    "Resize": _resize,
    "ScatterElements": _scatter,
    "ScatterND": _scatter,
    "Trilu": _trilu,
}

# These have no operand that inputs reach.
RANDOM: dict[str, Convert] = {
    "RandomNormal": _random("normal", "mean", "scale"),
    "RandomNormalLike": _random("normal", "mean", "scale"),
    "RandomUniform": _random("uniform", "low", "high"),
    "RandomUniformLike": _random("uniform", "low", "high"),
}
