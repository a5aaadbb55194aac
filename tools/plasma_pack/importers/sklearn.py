# SPDX-License-Identifier: Apache-2.0
"""Multi-layer perceptrons of scikit-learn, alone or behind scalers in a Pipeline.

A classifier's action is the index of the class, as in `classes_`; a regressor's what it predicts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.lowering import Options, lower
from plasma_pack.errors import SourceError
from plasma_pack.importers.imported import Imported
from plasma_pack.importers.objects import is_a
from plasma_pack.program.program import Array, Storage

_ESTIMATORS = ("sklearn.MLPRegressor", "sklearn.MLPClassifier")
_ACTIVATIONS = {"logistic": "sigmoid", "tanh": "tanh", "relu": "relu"}


def is_sklearn(source: object) -> bool:
    return is_a(source, "sklearn.BaseEstimator")


def import_sklearn(source: Any, options: Options) -> Imported:
    """Compile a fitted estimator. Raises SourceError naming the step that it cannot be made of."""
    *scalers, estimator = _steps(source)
    if not is_a(estimator, *_ESTIMATORS):
        raise SourceError(
            f"{type(estimator).__name__} is not supported; supported are MLPRegressor and "
            "MLPClassifier, behind StandardScaler, MinMaxScaler and MaxAbsScaler; export others "
            "with skl2onnx"
        )
    if not hasattr(estimator, "coefs_"):
        raise SourceError(f"{type(estimator).__name__} is not fitted; call fit first")
    builder = Builder()
    x = builder.declare("obs", estimator.n_features_in_, Storage.INPUT)
    for scaler in scalers:
        x = _scaled(builder, x, scaler)
    for k, (weights, bias) in enumerate(zip(estimator.coefs_, estimator.intercepts_, strict=True)):
        name = builder.tensor(x)
        x = builder.ids(builder.linear(name, weights.T, bias, f"coefs_.{k}"))
        if k < len(estimator.coefs_) - 1 and estimator.activation in _ACTIVATIONS:
            x = builder.ids(builder.unary(_ACTIVATIONS[estimator.activation], builder.tensor(x)))
    action = _chosen(builder, x, estimator) if hasattr(estimator, "classes_") else x
    origin = {"format": "scikit-learn", "estimator": type(estimator).__name__}
    return Imported(lower(builder, {"action": action}, {}, options), origin)


def _steps(source: Any) -> list[Any]:
    if not is_a(source, "sklearn.Pipeline"):
        return [source]
    steps = [step for _, step in source.steps]
    return [inner for step in steps if step not in (None, "passthrough") for inner in _steps(step)]


def _scaled(builder: Builder, x: Ids, scaler: Any) -> Ids:
    """(x − mean) · factor."""
    n = x.size
    mean, factor = _statistics(scaler, n)
    shifted = builder.shift(builder.tensor(x), -mean)
    return builder.ids(builder.scale(shifted, factor))


def _statistics(scaler: Any, n: int) -> tuple[Array, Array]:
    if is_a(scaler, "sklearn.StandardScaler"):
        mean = scaler.mean_ if scaler.with_mean else np.zeros(n)
        return mean, 1 / scaler.scale_ if scaler.with_std else np.ones(n)
    if is_a(scaler, "sklearn.MaxAbsScaler"):
        return np.zeros(n), 1 / scaler.scale_
    if is_a(scaler, "sklearn.MinMaxScaler") and not scaler.clip:
        return -scaler.min_ / scaler.scale_, scaler.scale_
    raise SourceError(
        f"{type(scaler).__name__} is not supported; supported are StandardScaler, MaxAbsScaler and "
        "MinMaxScaler that does not clip; export others with skl2onnx"
    )


def _chosen(builder: Builder, logits: Ids, classifier: Any) -> Ids:
    """Two classes have one logit: above 0 it is the second."""
    if classifier.out_activation_ == "logistic" and len(classifier.classes_) > 2:
        raise SourceError("the classifier gives several labels at once; that is not supported")
    if logits.size == 1:
        logits = np.concatenate([builder.constant_ids(np.zeros(1)), logits])
    return builder.ids(builder.largest(logits))
