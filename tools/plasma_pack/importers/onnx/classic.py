# SPDX-License-Identifier: Apache-2.0
"""Operators of ai.onnx.ml that skl2onnx makes of scikit-learn's scalers, linear models and MLPs,
and what each becomes. A label is the index of its class where the classes are 0, 1, 2 …
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.rows import matrix
from plasma_pack.importers.onnx.gather import rows_of_table
from plasma_pack.importers.onnx.logic import constant_like, select
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array, DType

Convert = Callable[[Node], list[Ids] | None]
DOMAIN = "ai.onnx.ml"


def _scaler(node: Node) -> list[Ids]:
    """(x − offset) · scale."""
    ids, given = node.ids(0), node.attributes
    offset, scale = (np.array(given.get(k, d), float) for k, d in (("offset", 0), ("scale", 1)))
    x = node.builder.tensor(ids)
    shifted = node.builder.shift(x, node.spread(-offset, ids.shape))
    return node.wrap(node.builder.scale(shifted, node.spread(scale, ids.shape)), ids.shape)


def _linear(node: Node, outputs: int) -> Ids:
    ids, given = node.ids(0), node.attributes
    weights = np.array(given["coefficients"], np.float32).reshape(outputs, -1)
    bias = np.array(given.get("intercepts", np.zeros(outputs)), float)
    x = matrix(node.builder, ids) if len(ids) > 1 else node.builder.tensor(ids)
    y = node.builder.linear(x, weights, bias, node.proto.name)
    return node.wrap(y, (len(ids), outputs))[0]


def _linear_regressor(node: Node) -> list[Ids]:
    _expect_no_transform(node, "NONE")
    return [_linear(node, node.attributes.get("targets", 1))]


def _linear_classifier(node: Node) -> list[Ids]:
    """Label and scores."""
    transform = _expect_no_transform(node, "NONE", "LOGISTIC", "SOFTMAX")
    labels = _labels(node)
    if len(node.attributes["intercepts"]) != len(labels):
        raise node.error(f"has {len(labels)} classes, expected a row of coefficients for each")
    scores = _linear(node, len(labels))
    if len(scores) != 1:
        raise node.error(
            f"classifies {len(scores)} observations, expected one; export a batch of 1"
        )
    x = node.builder.tensor(scores)
    best = node.builder.ids(node.builder.emit("argmax", [x], 1, dtype=DType.I32))
    if transform != "NONE":
        x = node.builder.unary("softmax" if transform == "SOFTMAX" else "sigmoid", x)
    return [_labelled(node, labels, best), *node.wrap(x, scores.shape)]


def _expect_no_transform(node: Node, *known: str) -> str:
    found = str(node.attributes.get("post_transform", "NONE"))
    if found not in known:
        raise node.error(f"transforms by {found}, expected {' or '.join(known)}")
    return found


def _labels(node: Node) -> Array:
    labels = node.attributes.get("classlabels_ints")
    if not labels:
        raise node.error("names its classes by text; train with whole numbers as labels")
    return np.array(labels)


def _labelled(node: Node, labels: Array, index: Ids) -> Ids:
    """The labels at an index; the index itself where they are alike."""
    if np.array_equal(labels, np.arange(labels.size)):
        return index
    [found] = rows_of_table(node, node.builder.constant_ids(labels), index, 0)
    return found


def _array_feature_extractor(node: Node) -> list[Ids]:
    """Along the last axis; of labels by the index that ArgMax gave."""
    if node.is_live(0) and not node.is_live(1):
        return [node.ids(0)[..., node.constant(1).reshape(-1)]]
    if node.is_live(0):
        raise node.error("picks what inputs reach by an index that they reach; use GatherElements")
    labels = node.constant(0).reshape(-1)
    return [_labelled(node, labels, node.index(1).reshape(-1)).reshape(1, -1)]


def _normalizer(node: Node) -> list[Ids]:
    """Each row divided by the sum or the largest of its sizes, or by its length."""
    ids, builder = node.ids(0), node.builder
    x = matrix(builder, ids)
    sizes = builder.unary("abs", x)
    norm = node.attributes.get("norm", "MAX")
    if norm == "L2":
        sizes = builder.binary("mul", x, x)
    total = builder.emit("reduce_max" if norm == "MAX" else "reduce_sum", [sizes], len(ids))
    total = builder.unary("sqrt", total) if norm == "L2" else total
    divisor = select(builder, total, total, constant_like(builder, total, 1.0))
    return node.combine(_quotient, [ids, builder.ids(divisor).reshape(-1, 1)])


def _quotient(builder: Builder, a: str, b: str) -> str:
    return builder.binary("div", a, b)


def _zip_map(node: Node) -> list[Ids]:
    """A policy gives the probabilities themselves, in the order of the classes."""
    return [node.ids(0)]


CLASSIC: dict[str, Convert] = {
    "ArrayFeatureExtractor": _array_feature_extractor,
    "LinearClassifier": _linear_classifier,
    "LinearRegressor": _linear_regressor,
    "Normalizer": _normalizer,
    "Scaler": _scaler,
    "ZipMap": _zip_map,
}
