"""diff: what changed, by layer and by field; nothing else."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import numpy_helper
from torch import nn

from plasma_pack import build, open_packet
from plasma_pack.difference import difference
from tests.pack import networks


def compare(a: bytes, b: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(json.dumps(difference(open_packet(a), open_packet(b))))
    return facts


def fields(facts: dict[str, Any]) -> set[str]:
    return {change["field"] for change in facts["changes"]}


def scaled(path: Path, name: str, factor: float) -> bytes:
    """The same ONNX with one initialiser multiplied."""
    model = onnx.load(path)
    (weights,) = (tensor for tensor in model.graph.initializer if tensor.name == name)
    values = numpy_helper.to_array(weights) * np.float32(factor)
    weights.CopyFrom(numpy_helper.from_array(values, name))
    return bytes(model.SerializeToString())


def test_a_packet_equals_itself(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    packet = build(mlp_onnx, key=key).data
    facts = compare(packet, packet)
    assert facts["equal"] is True
    assert facts["changes"] == facts["instructions"] == []
    assert [row["weight_distance"] for row in facts["layers"]] == [0, 0]


def test_a_trained_layer_is_the_one_that_moved(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    a = build(mlp_onnx, key=key).data
    b = build(scaled(mlp_onnx, "net.2.weight", 1.5), key=key).data
    facts = compare(a, b)
    assert facts["equal"] is False
    first, second = facts["layers"]
    assert (first["layer"], first["weight_distance"]) == ("net.0", 0)
    assert second["layer"] == "net.2"
    assert second["weight_distance"] == pytest.approx(0.5, abs=1e-3)
    assert second["bias_distance"] == 0
    assert facts["instructions"] == []
    assert fields(facts) <= {"file_bytes"}


def test_precision_is_a_change_of_the_layer(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    a, b = (build(mlp_onnx, key=key, weights=kind).data for kind in ("int8", "f16"))
    rows = compare(a, b)["layers"]
    assert [row["precision"] for row in rows] == [["int8", "f16"]] * 2
    assert all(0 < row["weight_distance"] < 0.01 for row in rows)
    assert {"certificate.const_bytes", "certificate.cost_units"} <= fields(compare(a, b))


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"low": -0.5}, "program.outputs.action.low"),
        ({"max_delta": 0.1}, "program.outputs.action.max_delta"),
        ({"units": {"obs": "m"}}, "program.inputs.obs.unit"),
        ({"sequence": 3}, "release.sequence"),
        ({"name": "b"}, "manifest.name"),
        ({"audit": {"verdict": "unverified"}}, "audit.verdict"),
        ({"max_adapters": 2}, "max_adapters"),
    ],
)
def test_declarations_limits_and_release_are_named(
    mlp_onnx: Path, key: Ed25519PrivateKey, options: dict[str, Any], changed: str
) -> None:
    facts = compare(build(mlp_onnx, key=key).data, build(mlp_onnx, key=key, **options).data)
    assert changed in fields(facts)
    assert facts["equal"] is False
    assert all(row["weight_distance"] == 0 for row in facts["layers"])


def test_another_signer_is_a_change(mlp_onnx: Path, key: Ed25519PrivateKey) -> None:
    other = Ed25519PrivateKey.from_private_bytes(bytes(32))
    facts = compare(build(mlp_onnx, key=key).data, build(mlp_onnx, key=other).data)
    assert any(field.startswith("signers.") for field in fields(facts))


def test_networks_of_other_layers_are_laid_side_by_side(
    mlp_onnx: Path, key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    text = tmp_path / "other.pasm"
    text.write_text(
        "input obs f32[4]\noutput act f32[2] actuator low -1 high 1 safe 0\n"
        "const w f32[2,4] = 1\narena h f32[2]\nlone: linear h, obs, w\nrelu act, h\n"
        "slot lone max_rank 2\n"
    )
    facts = compare(build(mlp_onnx, key=key, weights="int8").data, build(text, key=key).data)
    rows = {row["layer"]: row for row in facts["layers"]}
    assert rows["lone"]["precision"] == [None, "f32"]
    assert rows["net.0"]["precision"] == ["int8", None]
    assert rows["lone"]["weight_distance"] is None
    assert facts["instructions"][0] == {"place": 1, "a": "tanh", "b": "relu"}


def test_layers_are_called_what_their_author_called_them(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.net = nn.Sequential(nn.Linear(4, 4), nn.Tanh())

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return self.net(self.net(obs))

    torch.manual_seed(0)
    for module, names in (
        (nn.Sequential(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2), nn.Tanh()), ["0", "2"]),
        (Twice(), ["net.0"]),  # its weights are there once
    ):
        path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
        packet = build(path, key=key).data
        assert [row["layer"] for row in compare(packet, packet)["layers"]] == names
