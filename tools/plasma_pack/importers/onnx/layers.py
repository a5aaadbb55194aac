# SPDX-License-Identifier: Apache-2.0
"""ONNX operators that mix elements, and what each becomes."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.builder import Ids
from plasma_pack.compiler.rows import arrange_rows, matrix
from plasma_pack.importers.onnx.graph import module_path
from plasma_pack.importers.onnx.node import Node

Convert = Callable[[Node], list[Ids]]


def _gemm(node: Node) -> list[Ids]:
    given = node.attributes
    if given.get("transA", 0):
        raise node.error("transA is set; export the policy with the batch first")
    weights = node.constant(1).astype(np.float32)
    weights = weights if given.get("transB", 0) else weights.T
    rows = weights.shape[0]
    bias = node.spread(node.constant(2, np.zeros(1)), (1, rows)) * given.get("beta", 1.0)
    scaled = weights * np.float32(given.get("alpha", 1.0))
    label = module_path(node.proto, node.name(1))
    ids = node.ids(0)
    x = arrange_rows(node.builder, ids)
    y = node.builder.linear(x.name, x.constant(scaled), bias, label)
    return node.wrap(y, (*ids.shape[:-1], rows))


def _matmul(node: Node) -> list[Ids]:
    if node.is_live(1):
        raise node.error("multiplies two values that inputs reach; weights must be constant")
    ids = node.ids(0)
    weights = node.constant(1).astype(np.float32)
    if weights.ndim != 2:
        raise node.error(f"the weights have shape {weights.shape}, expected [in, out]")
    label = module_path(node.proto, node.name(1))
    x = arrange_rows(node.builder, ids)
    y = node.builder.linear(x.name, x.constant(weights.T), None, label)
    return node.wrap(y, (*ids.shape[:-1], weights.shape[1]))


def _rows(node: Node, ids: Ids) -> tuple[Ids, str]:
    """The elements [R, n] that this node works on, n at a time, and their tensor."""
    axis = node.attributes.get("axis", -1) % ids.ndim
    rows = ids.reshape(-1, int(np.prod(ids.shape[axis:])))
    return rows, node.builder.tensor(ids) if len(rows) == 1 else matrix(node.builder, rows)


def _along_last(node: Node, ids: Ids) -> str:
    """The tensor of the rows that an operator works along; their axis must be the last that counts."""
    axis = node.attributes.get("axis", -1) % ids.ndim
    if np.prod(ids.shape[axis + 1 :]) != 1:
        raise node.error(f"works along axis {axis} of {ids.shape}; expected the last")
    return _rows(node, ids)[1]


def _layer_norm(node: Node) -> list[Ids]:
    ids = node.ids(0)
    rows, x = _rows(node, ids)
    gain = node.spread(node.constant(1, np.ones(1)).reshape(-1), rows.shape[1:])
    bias = node.spread(node.constant(2, np.zeros(1)).reshape(-1), rows.shape[1:])
    eps = float(node.attributes.get("epsilon", 1e-5))
    dims = node.builder.spans[x].dims
    return node.wrap(node.builder.emit("layer_norm", [x], dims, [gain, bias], (eps,)), ids.shape)


def _rms_norm(node: Node) -> list[Ids]:
    ids = node.ids(0)
    x = _along_last(node, ids)
    dims = node.builder.spans[x].dims
    gain = node.spread(node.constant(1, np.ones(1)).reshape(-1), dims[-1:])
    eps = float(node.attributes.get("epsilon", 1e-5))
    return node.wrap(node.builder.emit("rms_norm", [x], dims, [gain], (eps,)), ids.shape)


def _softmax(node: Node) -> list[Ids]:
    ids = node.ids(0)
    return node.wrap(node.builder.unary("softmax", _along_last(node, ids)), ids.shape)


LAYERS: dict[str, Convert] = {
    "Gemm": _gemm,
    "LayerNormalization": _layer_norm,
    "MatMul": _matmul,
    "RMSNormalization": _rms_norm,
    "Softmax": _softmax,
}
