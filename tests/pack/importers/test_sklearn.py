"""Perceptrons of scikit-learn, fitted here, against what they predict themselves."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import plasma_edge as pe
import plasma_pack as pp
from plasma_pack.errors import SourceError
from plasma_pack.packet.keys import public_bytes

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = load_iris(return_X_y=True)
TARGETS = np.column_stack([X[:, 0] - X[:, 2], X[:, 1] * X[:, 3]])


def load(key: Ed25519PrivateKey, folder: Path, source: object, **options: Any) -> pe.Policy:
    pp.build(source, key=key, out=folder / "p.plasma", golden=X.astype(np.float32), **options)
    return pe.Policy.load(folder / "p.plasma", trust=public_bytes(key))


def perceptron(kind: type, activation: str) -> Any:
    return kind(hidden_layer_sizes=(12, 7), activation=activation, max_iter=100, random_state=0)


@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("scaler", [StandardScaler, MinMaxScaler, MaxAbsScaler])
def test_a_regressor_behind_a_scaler(
    scaler: type, activation: str, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    model = make_pipeline(scaler(), perceptron(MLPRegressor, activation))
    model.fit(X, TARGETS)
    policy = load(key, tmp_path, model, low=-100, high=100, weights="f32")
    found = np.stack([policy(x.astype(np.float32)) for x in X])
    np.testing.assert_allclose(found, model.predict(X), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("classes", [2, 3])
def test_a_classifier_gives_the_index_of_the_class(
    classes: int, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    names = np.array(["left", "right", "stay"])
    rows = classes > Y
    model = make_pipeline(StandardScaler(), perceptron(MLPClassifier, "relu"))
    model.fit(X[rows], names[Y[rows]])
    policy = load(key, tmp_path, model)
    found = [model.classes_[policy(x.astype(np.float32))] for x in X[rows]]
    assert np.mean(found == model.predict(X[rows])) >= 0.995


@pytest.mark.parametrize(
    ("model", "message"),
    [
        (RandomForestRegressor(2).fit(X, Y), "RandomForestRegressor is not supported"),
        (MLPRegressor(), "is not fitted; call fit first"),
        (
            make_pipeline(
                RobustScaler(), MLPRegressor(hidden_layer_sizes=(4,), max_iter=400, tol=1)
            ).fit(X, Y),
            "RobustScaler is not supported",
        ),
    ],
    ids=["another estimator", "not fitted", "another scaler"],
)
def test_what_is_not_supported_is_refused(
    model: object, message: str, key: Ed25519PrivateKey
) -> None:
    with pytest.raises(SourceError, match=message):
        pp.build(model, key=key)


def test_a_pickle_is_refused_unread(key: Ed25519PrivateKey, tmp_path: Path) -> None:
    (tmp_path / "policy.pkl").write_bytes(pickle.dumps({"anything": 1}))
    with pytest.raises(SourceError, match="runs what it likes when it is loaded"):
        pp.build(tmp_path / "policy.pkl", key=key)


def test_an_object_of_no_kind_is_refused_with_the_kinds(key: Ed25519PrivateKey) -> None:
    with pytest.raises(SourceError, match="dict is not a policy; expected one of ONNX, a zip of"):
        pp.build({}, key=key)
