"""Makes the .tflite files beside it, and what LiteRT's interpreter answers, as NAME.npz.

Run once, in a venv of its own:

    pip install tensorflow-cpu numpy
    python make.py

Weights are drawn with a seed; a file made anew differs in names and order only.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf
from tensorflow.keras import layers

HERE = Path(__file__).parent
SAMPLES = 8


def keras_mlp() -> tf.keras.Model:
    return tf.keras.Sequential(
        [
            layers.Input((11,)),
            layers.Dense(16, activation="tanh"),
            layers.LayerNormalization(),
            layers.Dense(12, activation="relu6"),
            layers.Dense(10, activation="elu"),
            layers.Dense(9, activation="gelu"),
            layers.Dense(3, activation="tanh"),
        ]
    )


def keras_cnn() -> tf.keras.Model:
    return tf.keras.Sequential(
        [
            layers.Input((17, 14, 3)),
            layers.Conv2D(6, 3, strides=2, padding="same", activation="relu"),
            layers.DepthwiseConv2D(3, padding="same", depth_multiplier=2),
            layers.LeakyReLU(negative_slope=0.1),
            layers.MaxPooling2D(2),
            layers.Conv2D(5, (2, 1), padding="valid"),
            layers.AveragePooling2D(2, strides=1, padding="same"),
            layers.GlobalAveragePooling2D(),
            layers.Dense(4),
            layers.Softmax(),
        ]
    )


def keras_two_inputs() -> tf.keras.Model:
    position, command = layers.Input((5,), name="position"), layers.Input((2,), name="command")
    both = layers.Concatenate()([position, command])
    hidden = layers.Dense(8, activation="sigmoid")(both)
    gate = layers.Dense(8, activation="softplus")(position)
    mixed = layers.Multiply()([hidden, gate])
    torque = layers.Dense(2, activation="tanh", name="torque")(mixed)
    return tf.keras.Model([position, command], {"torque": torque, "value": layers.Dense(1)(mixed)})


def keras_wide() -> tf.keras.Model:
    """Wide enough for the converter to quantise it."""
    return tf.keras.Sequential(
        [layers.Input((33,)), layers.Dense(40, activation="relu"), layers.Dense(2)]
    )


def calibration() -> Iterator[list[np.ndarray]]:
    random = np.random.default_rng(9)
    for _ in range(16):
        yield [random.standard_normal((1, 33)).astype(np.float32)]


def module(function: Callable[[tf.Tensor], tf.Tensor], n: int) -> tf.Module:
    made = tf.Module()
    made.policy = tf.function(function, input_signature=[tf.TensorSpec([1, n], name="obs")])
    return made


def moves(x: tf.Tensor) -> dict[str, tf.Tensor]:
    """[1, 12]"""
    grid = tf.reshape(x, [1, 3, 4])
    first, second = tf.split(grid, 2, axis=2)
    stacked = tf.stack([first[:, ::-1, 0], second[:, 1:, 1:][:, :, 0][:, :1] + first[:, :, 1]], 1)
    turned = tf.transpose(stacked, [0, 2, 1])
    padded = tf.pad(turned, [[0, 0], [1, 0], [0, 1]])
    square = tf.math.squared_difference(padded, 0.5) * tf.math.rsqrt(tf.square(padded) + 1)
    chosen = tf.where(square > 0.25, tf.minimum(square, 1.0), tf.maximum(-square, -1.0))
    parts = tf.unstack(tf.gather(chosen, [2, 0], axis=1), axis=1)
    return {"action": tf.concat([*parts, tf.reduce_max(grid, axis=2)], 1)}


def choice(x: tf.Tensor) -> dict[str, tf.Tensor]:
    """[1, 6]"""
    weights = tf.constant(np.random.default_rng(5).standard_normal((6, 4)), tf.float32)
    return {"action": tf.argmax(tf.matmul(x, weights), axis=1, output_type=tf.int32)}


def convert(converter: tf.lite.TFLiteConverter, name: str) -> None:
    data = converter.convert()
    (HERE / f"{name}.tflite").write_bytes(data)
    runner = tf.lite.Interpreter(model_content=data).get_signature_runner()
    random = np.random.default_rng(7)
    shapes = {key: detail["shape"] for key, detail in runner.get_input_details().items()}
    observations = {
        key: random.standard_normal((SAMPLES, *shape)).astype(np.float32)
        for key, shape in shapes.items()
    }
    answers = [runner(**{k: v[i] for k, v in observations.items()}) for i in range(SAMPLES)]
    arrays = {f"in:{key}": value for key, value in observations.items()}
    arrays |= {f"out:{key}": np.stack([a[key] for a in answers]) for key in answers[0]}
    np.savez_compressed(HERE / f"{name}.npz", **arrays)


def main() -> None:
    tf.keras.utils.set_random_seed(3)
    for make in (keras_mlp, keras_cnn, keras_two_inputs):
        converter = tf.lite.TFLiteConverter.from_keras_model(make())
        convert(converter, make.__name__)
    converter = tf.lite.TFLiteConverter.from_keras_model(keras_mlp())
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.target_spec.supported_types = [tf.float16]
    convert(converter, "keras_mlp_f16")
    for name, is_full in (("keras_dynamic_int8", False), ("keras_full_int8", True)):
        converter = tf.lite.TFLiteConverter.from_keras_model(keras_wide())
        converter.optimizations = [tf.lite.Optimize.DEFAULT]
        if is_full:
            converter.representative_dataset = calibration
            converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        convert(converter, name)
    for function, n in ((moves, 12), (choice, 6)):
        made = module(function, n)
        concrete = made.policy.get_concrete_function()
        converter = tf.lite.TFLiteConverter.from_concrete_functions([concrete], made)
        convert(converter, function.__name__)


if __name__ == "__main__":
    main()
