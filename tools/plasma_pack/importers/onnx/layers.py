# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that mix elements, and what each becomes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.rows import arrange_rows, matrix
from plasma_pack.importers.onnx.contractions import matmul
from plasma_pack.importers.onnx.graph import module_path
from plasma_pack.importers.onnx.logic import constant_like, select
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]


def _gemm(node: Node) -> list[Ids]:
    """alpha · A B + beta · C; a `linear` where B is constant, and C too."""
    given = node.attributes
    alpha, beta = given.get("alpha", 1.0), given.get("beta", 1.0)
    if node.is_live(1) or not node.is_live(0):
        a, b = (node.elements(k) for k in range(2))
        a, b = (a.T if given.get("transA", 0) else a), (b.T if given.get("transB", 0) else b)
        return _plus_bias(node, _times(node, matmul(node, a, b), alpha), beta)
    ids = node.ids(0).T if given.get("transA", 0) else node.ids(0)
    weights = node.constant(1).astype(np.float32)
    weights = weights if given.get("transB", 0) else weights.T
    if weights.ndim != 2:
        raise node.error(f"the weights have shape {weights.shape}, expected two axes")
    with np.errstate(over="ignore", invalid="ignore"):  # weights that are not finite are refused
        scaled = weights * np.float32(alpha)
    label = module_path(node.proto, node.name(1))
    rows = weights.shape[0]
    bias = None if node.is_live(2) else node.constant(2, np.zeros(1))
    if bias is None or (bias.ndim == 2 and bias.shape[0] > 1):
        return _plus_bias(node, _linear(node, ids, scaled, None, label), beta)
    return [_linear(node, ids, scaled, node.spread(bias, (1, rows)) * beta, label)]


def _linear(node: Node, ids: Ids, weights: Array, bias: Array | None, label: str) -> Ids:
    """Rows of n elements; weights [out, n]."""
    x = arrange_rows(node.builder, ids)
    y = node.builder.linear(x.name, x.constant(weights), bias, label)
    return node.wrap(y, (*ids.shape[:-1], len(weights)))[0]


def _times(node: Node, ids: Ids, factor: float) -> Ids:
    if factor == 1:
        return ids
    y = node.builder.scale(node.builder.tensor(ids), np.full(ids.size, factor))
    return node.wrap(y, ids.shape)[0]


def _plus_bias(node: Node, ids: Ids, beta: float) -> list[Ids]:
    if not node.name(2):
        return [ids]
    bias = _times(node, node.elements(2), beta)
    return node.combine(lambda builder, a, b: builder.binary("add", a, b), [ids, bias])


def _matmul(node: Node) -> list[Ids]:
    """A `linear` where one operand is a constant matrix."""
    first, second = node.is_live(0), node.is_live(1)
    is_layer = first != second and node.constant(int(first)).ndim == 2
    if not is_layer or (second and node.ids(1).ndim == 1):
        return [matmul(node, node.elements(0), node.elements(1))]
    weights = node.constant(int(first)).astype(np.float32)
    label = module_path(node.proto, node.name(int(first)))
    if first:
        return [_linear(node, node.ids(0), weights.T, None, label)]
    columns = node.ids(1).swapaxes(-1, -2)
    return [_linear(node, columns, weights, None, label).swapaxes(-1, -2)]


def _layer_norm(node: Node) -> list[Ids] | None:
    return None if node.is_live(2) else _norm(node, "layer_norm", [1.0, 0.0])


def _rms_norm(node: Node) -> list[Ids] | None:
    return _norm(node, "rms_norm", [1.0])


def _norm(node: Node, op: str, defaults: list[float]) -> list[Ids] | None:
    """Of all from an axis on; `alone`, as patterns.py finds it, along that axis."""
    if len([name for name in node.proto.output if name]) > 1 or node.is_live(1):
        return None
    given, ids = node.attributes, node.ids(0)
    axis = given.get("axis", -1) % ids.ndim
    moved = np.moveaxis(ids, axis, -1) if given.get("alone", 0) else ids
    shape = moved.shape[-1:] if given.get("alone", 0) else moved.shape[axis:]
    x = _matrix(node, moved.reshape(-1, math.prod(shape)))
    constants = [
        node.spread(node.constant(k, np.full(1, default)), shape)
        for k, default in enumerate(defaults, 1)
    ]
    eps = float(given.get("epsilon", 1e-5))
    y = node.builder.emit(op, [x], node.builder.spans[x].dims, constants, (eps,))
    [result] = node.wrap(y, moved.shape)
    return [np.moveaxis(result, -1, axis) if given.get("alone", 0) else result]


def _instance_norm(node: Node) -> list[Ids]:
    """Each channel of each image on its own."""
    ids = node.ids(0)
    rows = ids.reshape(ids.shape[0] * ids.shape[1], -1)
    x = matrix(node.builder, rows)
    ones, zeros = np.ones(rows.shape[1]), np.zeros(rows.shape[1])
    eps = float(node.attributes.get("epsilon", 1e-5))
    dims = node.builder.spans[x].dims
    y = node.builder.emit("layer_norm", [x], dims, [ones, zeros], (eps,))
    gain, bias = (
        np.repeat(np.tile(node.constant(k).astype(np.float64), ids.shape[0]), rows.shape[1])
        for k in (1, 2)
    )
    return node.wrap(node.builder.shift(node.builder.scale(y, gain), bias), ids.shape)


def _lp_norm(node: Node) -> list[Ids]:
    """x divided by its length along an axis, where it has any."""
    builder = node.builder
    axis = node.attributes.get("axis", -1)
    moved = np.moveaxis(node.ids(0), axis, -1)
    rows = matrix(builder, moved)
    is_sum = node.attributes.get("p", 2) == 1
    parts = builder.unary("abs", rows) if is_sum else builder.binary("mul", rows, rows)
    sums = builder.emit("reduce_sum", [parts], moved.size // moved.shape[-1])
    length = sums if is_sum else builder.unary("sqrt", sums)
    divisor = select(builder, length, length, constant_like(builder, length, 1.0))
    by_row = builder.ids(divisor).reshape(*moved.shape[:-1], 1)
    [y] = node.combine(lambda builder, x, n: builder.binary("div", x, n), [moved, by_row])
    return [np.moveaxis(y, -1, axis)]


def _softmax(node: Node) -> list[Ids]:
    """Along one axis; before opset 13 along all from it on."""
    ids = node.ids(0)
    if node.graph.opset < 13:
        axis = node.attributes.get("axis", 1) % ids.ndim
        rows = ids.reshape(int(np.prod(ids.shape[:axis])), -1)
        return node.wrap(node.builder.unary("softmax", _matrix(node, rows)), ids.shape)
    axis = node.attributes.get("axis", -1) % ids.ndim
    moved = np.moveaxis(ids, axis, -1)
    [y] = node.wrap(node.builder.unary("softmax", _matrix(node, moved)), moved.shape)
    return [np.moveaxis(y, -1, axis)]


def _matrix(node: Node, ids: Ids) -> str:
    is_row = ids.size == ids.shape[-1]
    return node.builder.tensor(ids) if is_row else matrix(node.builder, ids)


LAYERS: dict[str, Convert] = {
    "Gemm": _gemm,
    "InstanceNormalization": _instance_norm,
    "LayerNormalization": _layer_norm,
    "LpNormalization": _lp_norm,
    "MatMul": _matmul,
    "RMSNormalization": _rms_norm,
    "Softmax": _softmax,
}
