"""Files that skl2onnx and tf2onnx made (exported/make.py), against what scikit-learn and keras say."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_pack import build

FILES = sorted((Path(__file__).parent / "exported").glob("*.onnx"))
STATES = {
    "keras_lstm": {"h": "Identity_1:0", "c": "Identity_2:0"},
    "keras_gru": {"h": "Identity_1:0"},
}


def test_there_are_files_of_both() -> None:
    assert len(FILES) == 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_exported_file_says_what_its_library_says(
    path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    values = json.loads(path.with_suffix(".json").read_text())
    [obs] = values["given"].values()
    is_image = path.stem == "keras_cnn"
    packet = build(
        path,
        key=key,
        weights="int8" if is_image else "f32",
        states=STATES.get(path.stem),
        actuators=[],
    ).data
    policy = pe.Policy.load(packet, trust=trust)
    for tick, row in enumerate(obs):
        found = policy(np.array(row, np.float32))
        found = found if isinstance(found, dict) else {next(iter(values["wanted"])): found}
        for name, wanted in values["wanted"].items():
            atol = 0.02 if is_image else 2e-6
            np.testing.assert_allclose(
                np.reshape(found[name], -1), np.reshape(wanted[tick], -1), rtol=1e-5, atol=atol
            )


def test_a_label_is_a_choice(key: Ed25519PrivateKey, trust: bytes) -> None:
    path = Path(__file__).parent / "exported" / "sklearn_mlp_classifier.onnx"
    packet = build(path, key=key, actuators=["label"]).data
    found = pe.Policy.load(packet, trust=trust)(np.zeros(6, np.float32))
    assert isinstance(found["label"], int)
