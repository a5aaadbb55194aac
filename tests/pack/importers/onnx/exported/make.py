"""Makes the files beside it, and what the libraries themselves say of a few observations.

    pip install skl2onnx scikit-learn                     && python make.py sklearn
    pip install 'tensorflow-cpu<2.18' tf2onnx onnx==1.16.2 && python make.py keras

Made with scikit-learn 1.9.1 and skl2onnx 1.20.0, tensorflow 2.17.1 and tf2onnx 1.17.0.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent


def write(name: str, model: bytes, given: dict[str, Any], wanted: dict[str, Any]) -> None:
    """given and wanted: [N, …] of every input and output."""
    (HERE / f"{name}.onnx").write_bytes(model)
    values = {
        kind: {key: np.asarray(value).astype(float).round(7).tolist() for key, value in of.items()}
        for kind, of in (("given", given), ("wanted", wanted))
    }
    (HERE / f"{name}.json").write_text(json.dumps(values) + "\n")


def sklearn() -> None:
    from skl2onnx import to_onnx
    from sklearn.linear_model import LinearRegression, LogisticRegression
    from sklearn.neural_network import MLPClassifier, MLPRegressor
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import MinMaxScaler, StandardScaler

    rng = np.random.default_rng(0)
    obs = rng.normal(2, 3, (200, 6)).astype(np.float32)
    motors = np.tanh(obs @ rng.normal(size=(6, 2))).astype(np.float32)
    three = (obs[:, 0] > 2).astype(int) + (obs[:, 1] > 2)
    two = (obs[:, 0] > 2).astype(int)
    small: dict[str, Any] = {"hidden_layer_sizes": (8,), "max_iter": 200, "random_state": 0}
    models = {
        "mlp_regressor": (StandardScaler(), MLPRegressor(**small), motors),
        "mlp_classifier": (StandardScaler(), MLPClassifier(**small), three),
        "mlp_of_two": (MinMaxScaler(), MLPClassifier(activation="logistic", **small), two),
        "mlp_of_labels": (StandardScaler(), MLPClassifier(**small), three * 5 - 1),
        "linear": (StandardScaler(), LinearRegression(), motors),
        "logistic": (StandardScaler(), LogisticRegression(), three),
    }
    for name, (scaler, last, target) in models.items():
        model = make_pipeline(scaler, last).fit(obs, target)
        is_choice = target.ndim == 1
        options = {id(model): {"zipmap": name == "logistic"}} if is_choice else None
        onnx = to_onnx(model, obs[:1], options=options, target_opset={"": 21, "ai.onnx.ml": 3})
        wanted = [model.predict(obs[:8])]
        wanted += [model.predict_proba(obs[:8])] if is_choice else []
        names = [output.name for output in onnx.graph.output]
        write(
            f"sklearn_{name}",
            onnx.SerializeToString(),
            {"X": obs[:8]},
            dict(zip(names, wanted, strict=True)),
        )


def keras() -> None:
    import tensorflow as tf
    import tf2onnx

    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(0)
    rng = np.random.default_rng(1)

    def export(name: str, inputs: list[Any], outputs: list[Any]) -> None:
        model = tf.keras.Model(inputs, outputs)
        shapes = [(1, *value.shape[1:]) for value in inputs]
        names = ["obs", "h", "c"][: len(inputs)]
        signature = [
            tf.TensorSpec(s, tf.float32, name=n) for s, n in zip(shapes, names, strict=True)
        ]
        function = tf.function(lambda *values: model(list(values)))
        proto, _ = tf2onnx.convert.from_function(function, input_signature=signature, opset=18)
        states = [np.zeros(shape, np.float32) for shape in shapes[1:]]
        obs = rng.normal(size=(8, *shapes[0])).astype(np.float32)
        actions = []
        for row in obs:
            result = model([tf.constant(value) for value in (row, *states)])
            action, *states = result if isinstance(result, list | tuple) else [result]
            actions.append(action.numpy()[0])
        wanted = {proto.graph.output[0].name: actions}
        write(f"keras_{name}", proto.SerializeToString(), {"obs": obs[:, 0]}, wanted)

    x = layers.Input((6,))
    y = layers.LayerNormalization()(layers.Dense(8, "relu")(x))
    export("mlp", [x], [layers.Dense(2, "tanh")(layers.Dense(8, "swish")(y))])
    x, h, c = (layers.Input((n,)) for n in (6, 5, 5))
    y, states = layers.LSTMCell(5)(x, [h, c])
    export("lstm", [x, h, c], [layers.Dense(2, "tanh")(y), *states])
    y, states = layers.GRUCell(5)(x, [h])
    export("gru", [x, h], [layers.Dense(2, "tanh")(y), *states])
    image = layers.Input((12, 12, 3))
    y = layers.Conv2D(4, 3, strides=2, padding="same", activation="relu")(image)
    y = layers.Flatten()(layers.MaxPool2D(2, padding="same")(y))
    export("cnn", [image], [layers.Dense(3, "softmax")(y)])


if __name__ == "__main__":
    {"sklearn": sklearn, "keras": keras}[sys.argv[1]]()
