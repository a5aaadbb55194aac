"""What torch exports comes out of a packet again: exactly with f32 weights, closely with int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn

import plasma_edge as pe
from plasma_pack import SourceError, build
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks
from tests.pack.networks import EXPORTERS


def ops_of(path: Path) -> list[str]:
    return [instruction.op for instruction in import_onnx(path).program.instructions]


@EXPORTERS
@pytest.mark.parametrize("bias", [True, False])
def test_an_mlp_with_f32_weights_matches_torch_and_onnxruntime(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, bias: bool
) -> None:
    torch.manual_seed(1)
    module = networks.Everything(bias)
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo)
    obs = networks.observations(200)
    flown = networks.fly(build(path, key=key, weights="f32").data, trust, obs)
    session = onnxruntime.InferenceSession(path)
    served = np.concatenate([session.run(None, {"obs": row[None]})[0] for row in obs])
    np.testing.assert_allclose(flown, networks.torch_actions(module, obs), atol=1e-5)
    np.testing.assert_allclose(flown, served, atol=1e-5)


@EXPORTERS
def test_an_mlp_with_f16_weights_is_the_one_whose_weights_were_rounded(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(1)
    module = networks.Mlp()
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo)
    packet = build(path, key=key, weights="f16").data
    for layer in (module.net[0], module.net[2]):
        layer.weight.data = layer.weight.data.half().float()
    rounded = networks.export(module, (torch.zeros(1, 4),), tmp_path / "half.onnx", dynamo=dynamo)
    obs = networks.observations(200)
    flown = networks.fly(packet, trust, obs)
    exact = networks.fly(build(rounded, key=key, weights="f32").data, trust, obs)
    assert flown.tobytes() == exact.tobytes()


def test_weights_beyond_f16_are_refused(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    module = networks.Mlp()
    module.net[0].weight.data[0, 0] = 7e4
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match=r"net\.0 holds 7e\+04, too large for f16"):
        build(path, key=key, weights="f16")


@EXPORTERS
def test_an_mlp_with_int8_weights_stays_close_to_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(1)
    module = networks.Everything()
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo)
    obs = networks.observations(200)
    error = np.abs(
        networks.fly(build(path, key=key).data, trust, obs) - networks.torch_actions(module, obs)
    )
    assert error.mean() < 0.02
    assert error.max() < 0.2


@EXPORTERS
def test_operators_are_folded(tmp_path: Path, dynamo: bool) -> None:
    path = networks.export(
        networks.Everything(), (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo
    )
    assert " ".join(ops_of(path)) == (
        "normalize clamp linear silu linear layer_norm elu add sigmoid relu mul sub concat "
        "linear leaky_relu linear squash"
    )


@EXPORTERS
def test_an_observation_without_a_batch_axis_is_taken(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    module = networks.Everything()
    path = networks.export(module, (torch.zeros(4),), tmp_path / "net.onnx", dynamo=dynamo)
    obs = networks.observations(20)
    packet = build(path, key=key, weights="f32")
    np.testing.assert_allclose(
        networks.fly(packet.data, trust, obs), networks.torch_actions(module, obs), atol=1e-5
    )
    assert packet.slots == ("first", "hidden.0", "tail.0", "tail.2")


@EXPORTERS
def test_a_dynamic_batch_is_taken_as_one(
    tmp_path: Path, key: Ed25519PrivateKey, dynamo: bool
) -> None:
    batch = torch.export.Dim("batch")
    options = (
        {"dynamic_shapes": ({0: batch},)} if dynamo else {"dynamic_axes": {"obs": {0: "batch"}}}
    )
    path = networks.export(
        networks.Mlp(), (torch.zeros(3, 4),), tmp_path / "net.onnx", dynamo=dynamo, **options
    )
    packet = build(path, key=key)
    assert packet.slots == ("net.0", "net.2")
    assert pe.Policy.load(packet.data, trust=key.public_key().public_bytes_raw()).inputs[
        0
    ].shape == (4,)


@EXPORTERS
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("batch_first", [False, True])
def test_a_gru_matches_torch_over_twenty_ticks(
    tmp_path: Path,
    key: Ed25519PrivateKey,
    trust: bytes,
    dynamo: bool,
    layers: int,
    batch_first: bool,
) -> None:
    torch.manual_seed(2)
    module = networks.Recurrent(layers, batch_first)
    h = torch.zeros(layers, 1, 5)
    path = networks.export(module, (torch.zeros(1, 4), h), tmp_path / "net.onnx", dynamo=dynamo)
    obs = networks.observations(20)
    flown = networks.fly(build(path, key=key, weights="f32").data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_rollout(module, obs, h), atol=1e-5)


@EXPORTERS
def test_a_gru_cell_becomes_one_instruction_and_matches_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(3)
    module = networks.Cell()
    h = torch.zeros(1, 5)
    path = networks.export(module, (torch.zeros(1, 4), h), tmp_path / "net.onnx", dynamo=dynamo)
    states = {"h": "h_next"}
    ops = [i.op for i in import_onnx(path, states=states).program.instructions]
    assert ops == ["linear", "linear", "gru", "linear", "tanh", "copy"]
    obs = networks.observations(20)
    flown = networks.fly(build(path, key=key, weights="f32", states=states).data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_rollout(module, obs, h), atol=1e-5)


@EXPORTERS
def test_an_argmax_is_an_index(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(4)
    module = networks.Recurrent(discrete=True)
    h = torch.zeros(1, 1, 5)
    path = networks.export(module, (torch.zeros(1, 4), h), tmp_path / "net.onnx", dynamo=dynamo)
    packet = build(path, key=key, weights="f32")
    policy = pe.Policy.load(packet.data, trust=trust)
    assert isinstance(policy(np.zeros(4, np.float32)), int)
    obs = networks.observations(20)
    expected = networks.torch_rollout(module, obs, h)
    np.testing.assert_array_equal(networks.fly(packet.data, trust, obs), expected)


def test_half_of_a_linear_output_becomes_a_smaller_linear(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    class MeanAndDeviation(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 6)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            mean, _ = self.head(obs).chunk(2, dim=-1)
            return torch.tanh(mean)

    module = MeanAndDeviation()
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    packet = build(path, key=key, weights="f32")
    assert packet.certificate.macs == 12
    assert packet.slots == ("head[0:3]",)
    obs = networks.observations(10)
    np.testing.assert_allclose(
        networks.fly(packet.data, trust, obs), networks.torch_actions(module, obs), atol=1e-5
    )


def test_two_inputs_and_two_outputs_keep_their_names(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    class Two(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.body = nn.Linear(5, 4)

        def forward(self, a: torch.Tensor, b: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            y = torch.tanh(self.body(torch.cat([a, b], dim=-1)))
            return y, y * 3

    path = networks.export(
        Two(),
        (torch.zeros(1, 2), torch.zeros(1, 3)),
        tmp_path / "net.onnx",
        input_names=["pose", "goal"],
        output_names=["arm", "leg"],
    )
    policy = pe.Policy.load(build(path, key=key).data, trust=trust)
    action = policy({"pose": np.ones(2, np.float32), "goal": np.ones(3, np.float32)})
    assert list(action) == ["arm", "leg"]
    np.testing.assert_allclose(action["leg"], action["arm"] * 3, rtol=1e-6)


def test_one_value_may_be_two_outputs_and_a_state(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    class Same(nn.Module):
        def forward(
            self, obs: torch.Tensor, h: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
            total = torch.tanh(obs + h)
            return total, total.reshape(1, 4), h, total

    path = networks.export(
        Same(),
        (torch.zeros(1, 4), torch.zeros(1, 4)),
        tmp_path / "net.onnx",
        output_names=["a", "b", "before", "next"],
    )
    packet = build(path, key=key, states={"h": "next"}, low=-1, high=1)
    policy = pe.Policy.load(packet.data, trust=trust)
    first = {k: v.copy() for k, v in policy(np.ones(4, np.float32)).items()}
    second = policy(np.zeros(4, np.float32))
    np.testing.assert_array_equal(first["a"], first["b"])
    np.testing.assert_array_equal(first["before"], 0)
    np.testing.assert_array_equal(second["before"], first["a"])
