"""TensorFlow Lite files as Keras and TensorFlow convert them (files/make.py), against the answers of
LiteRT's own interpreter; and files that are not whole.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import plasma_edge as pe
import plasma_pack as pp
from plasma_pack.errors import PackError, SourceError
from plasma_pack.packet.keys import public_bytes

Key = Ed25519PrivateKey
FILES = Path(__file__).parent / "files"
FLOAT = ["choice", "keras_cnn", "keras_mlp", "keras_mlp_f16", "keras_two_inputs", "moves"]


def answers(key: Key, name: str, folder: Path, **options: Any) -> list[tuple[Any, Any]]:
    """What the packet gives, and what the interpreter gave, as rows of the outputs in a line."""
    if name != "choice":
        options |= {"low": -1e3, "high": 1e3}
    pp.build(FILES / f"{name}.tflite", key=key, out=folder / "p.plasma", **options)
    policy = pe.Policy.load(folder / "p.plasma", trust=public_bytes(key))
    flown = np.load(FILES / f"{name}.npz")
    pairs = []
    for i in range(len(next(iter(flown.values())))):
        inputs = {key[3:]: flown[key][i, 0] for key in flown if key.startswith("in:")}
        found = policy.step(inputs if len(inputs) > 1 else next(iter(inputs.values())))
        named = found if isinstance(found, dict) else {policy.outputs[0].name: found}
        assert named.keys() == {key[4:] for key in flown if key.startswith("out:")}
        pairs.append(
            tuple(
                np.concatenate([np.ravel(of[key]) for key in sorted(named)])
                for of in (named, {key: flown[f"out:{key}"][i] for key in named})
            )
        )
    return pairs


@pytest.mark.parametrize("name", FLOAT)
def test_a_float_file_gives_what_the_interpreter_gives(name: str, key: Key, tmp_path: Path) -> None:
    for found, expected in answers(key, name, tmp_path, weights="f32"):
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("name", FLOAT)
def test_a_plain_build_is_close_as_well(name: str, key: Key, tmp_path: Path) -> None:
    pairs = answers(key, name, tmp_path)
    found, expected = (np.array(side) for side in zip(*pairs, strict=True))
    assert np.sqrt(np.mean((found - expected) ** 2)) <= 0.01 * np.ptp(expected)


def test_int8_weights_of_dynamic_range_quantisation_are_taken(key: Key, tmp_path: Path) -> None:
    for found, expected in answers(key, "keras_dynamic_int8", tmp_path, weights="f32"):
        np.testing.assert_allclose(found, expected, atol=0.03)  # it quantises activations


def test_quantised_activations_are_refused(key: Key) -> None:
    with pytest.raises(SourceError, match="gives INT8; convert the model with float activations"):
        pp.build(FILES / "keras_full_int8.tflite", key=key)


def test_an_operator_without_a_translation_is_named(
    key: Key, monkeypatch: pytest.MonkeyPatch
) -> None:
    from plasma_pack.importers.tflite.operators import OPERATORS

    monkeypatch.delitem(OPERATORS, "GELU")
    with pytest.raises(SourceError, match=r"GELU operator \d+ is not supported; supported are"):
        pp.build(FILES / "keras_mlp.tflite", key=key)


@pytest.mark.parametrize("length", [8, 9, 60, 400, 3000])
def test_a_truncated_file_is_refused(length: int, key: Key) -> None:
    with pytest.raises(SourceError):
        pp.build((FILES / "keras_mlp.tflite").read_bytes()[:length], key=key)


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_a_changed_file_is_refused_or_builds(data: st.DataObject, key: Key) -> None:
    whole = bytearray((FILES / "keras_cnn.tflite").read_bytes())
    for _ in range(data.draw(st.integers(1, 8))):
        at = data.draw(st.integers(8, len(whole) - 1))
        whole[at] = data.draw(st.integers(0, 255))
    with contextlib.suppress(PackError, pe.PlasmaError):
        pp.build(bytes(whole), key=key, low=-1e3, high=1e3, weights="int8", max_adapters=0)
