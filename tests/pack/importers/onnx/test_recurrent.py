"""LSTM and RNN networks as torch exports them: exact with f32 weights, close with int8."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import helper
from safetensors.torch import save_file

import plasma_edge as pe
from plasma_pack import SourceError, build, build_adapter
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks
from tests.pack.networks import EXPORTERS


def zeros(*shapes: tuple[int, ...]) -> tuple[torch.Tensor, ...]:
    return tuple(torch.zeros(shape) for shape in shapes)


@EXPORTERS
@pytest.mark.parametrize(("layers", "bias"), [(1, True), (1, False), (2, True)])
def test_an_lstm_matches_torch_over_twenty_ticks(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, layers: int, bias: bool
) -> None:
    torch.manual_seed(2)
    module = networks.Lstm(layers, bias)
    states = zeros((layers, 1, 5), (layers, 1, 5))
    path = networks.export(module, (*zeros((1, 4)), *states), tmp_path / "n.onnx", dynamo=dynamo)
    packet = build(path, key=key, weights="f32")
    obs = networks.observations(20)
    flown = networks.fly(packet.data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_rollout(module, obs, *states), atol=1e-5)
    assert packet.slots[:2] == ("lstm.ih_l0", "lstm.hh_l0")


@EXPORTERS
def test_an_lstm_cell_becomes_two_instructions_and_matches_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(3)
    module = networks.LstmCell()
    zero = zeros((1, 5), (1, 5))
    path = networks.export(module, (*zeros((1, 4)), *zero), tmp_path / "n.onnx", dynamo=dynamo)
    ops = [i.op for i in import_onnx(path).program.instructions]
    assert " ".join(ops) == "linear linear lstm_cell lstm_hidden concat linear tanh copy copy"
    obs = networks.observations(20)
    flown = networks.fly(build(path, key=key, weights="f32").data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_rollout(module, obs, *zero), atol=1e-5)


def test_a_cell_whose_state_is_as_long_as_its_input_has_to_be_told_which_is_which(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    args = zeros((1, 5), (1, 5), (1, 5))
    path = networks.export(networks.LstmCell(width=5), args, tmp_path / "n.onnx")
    with pytest.raises(SourceError, match="h and obs may each be the one before; say which"):
        build(path, key=key)
    assert build(path, key=key, states={"h": "h_next"}).certificate.state_bytes == 2 * 5 * 4


class Window(torch.nn.Module):
    """Sees its last observations at once, and remembers nothing."""

    def __init__(self, kind: type[torch.nn.RNNBase], layers: int) -> None:
        super().__init__()
        self.memory = kind(4, 6, layers, batch_first=True)
        self.head = torch.nn.Linear(6, 2)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        action: torch.Tensor = torch.tanh(self.head(self.memory(obs)[0][:, -1]))
        return action


@EXPORTERS
@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("kind", [torch.nn.GRU, torch.nn.LSTM, torch.nn.RNN])
def test_a_window_is_walked_through_from_zero(
    tmp_path: Path,
    key: Ed25519PrivateKey,
    trust: bytes,
    dynamo: bool,
    kind: type[torch.nn.RNNBase],
    layers: int,
) -> None:
    torch.manual_seed(7)
    module = Window(kind, layers)
    path = networks.export(module, (torch.zeros(1, 9, 4),), tmp_path / "n.onnx", dynamo=dynamo)
    packet = build(path, key=key, weights="f32")
    policy = pe.Policy.load(packet.data, trust=trust)
    windows = networks.observations(30 * 9).reshape(30, 9, 4)
    flown = np.stack([np.array(policy(window)) for window in windows])
    with torch.no_grad():
        wanted = module(torch.from_numpy(windows)).numpy()
    np.testing.assert_allclose(flown, wanted, atol=1e-5)
    learnt = sum(p.numel() * p.element_size() for p in module.parameters())
    assert packet.certificate.state_bytes == 0
    assert packet.certificate.const_bytes < 2 * learnt  # the weights are there once, not nine times


@EXPORTERS
def test_a_world_model_memory_of_256_stays_close_with_int8(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(4)
    module = networks.LstmCell(width=35, hidden=256)
    zero = zeros((1, 256), (1, 256))
    path = networks.export(module, (*zeros((1, 35)), *zero), tmp_path / "n.onnx", dynamo=dynamo)
    packet = build(path, key=key, states={"h": "h_next", "c": "c_next"})
    obs = networks.observations(50, width=35)
    flown = networks.fly(packet.data, trust, obs)
    error = np.abs(flown - networks.torch_rollout(module, obs, *zero))
    assert error.max() < 0.02
    assert packet.certificate.macs == 1024 * (35 + 256) + 3 * (35 + 256)
    assert packet.certificate.state_bytes == 2 * 256 * 4


@EXPORTERS
@pytest.mark.parametrize(("nonlinearity", "layers"), [("tanh", 1), ("relu", 1), ("tanh", 2)])
def test_an_rnn_matches_torch_over_twenty_ticks(
    tmp_path: Path,
    key: Ed25519PrivateKey,
    trust: bytes,
    dynamo: bool,
    nonlinearity: str,
    layers: int,
) -> None:
    torch.manual_seed(5)
    module = networks.Elman(nonlinearity, layers)
    h = torch.zeros(layers, 1, 5)
    path = networks.export(module, (torch.zeros(1, 4), h), tmp_path / "n.onnx", dynamo=dynamo)
    obs = networks.observations(20)
    # The newer exporter writes the cell out, so that its state has to be named.
    packet = build(path, key=key, weights="f32", states={"h": "h_next"} if dynamo else None)
    flown = networks.fly(packet.data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_rollout(module, obs, h), atol=1e-5)
    assert dynamo or packet.slots[:2] == ("rnn.ih_l0", "rnn.hh_l0")


def rank_one_adapter(folder: Path, module: networks.Lstm) -> Path:
    """A PEFT directory of rank 1 on both gate layers; adds its products to the module itself."""
    folder.mkdir()
    (folder / "adapter_config.json").write_text('{"peft_type": "LORA", "r": 1, "lora_alpha": 1}')
    tensors = {}
    for layer, weight in (
        ("ih_l0", module.lstm.weight_ih_l0),
        ("hh_l0", module.lstm.weight_hh_l0),
    ):
        a, b = torch.randn(1, weight.shape[1]), torch.randn(weight.shape[0], 1)
        weight.data += b @ a
        tensors[f"base_model.model.lstm.{layer}.lora_A.weight"] = a
        tensors[f"base_model.model.lstm.{layer}.lora_B.weight"] = b
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def test_lora_reaches_the_gates_of_an_lstm(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    torch.manual_seed(6)
    module = networks.Lstm()
    states = zeros((1, 1, 5), (1, 1, 5))
    path = networks.export(module, (*zeros((1, 4)), *states), tmp_path / "n.onnx")
    obs = networks.observations(20)
    plain = networks.torch_rollout(module, obs, *states)
    base = build(path, key=key, weights="f32")
    adapter = build_adapter(base, rank_one_adapter(tmp_path / "peft", module), key=key)
    policy = pe.Policy.load(base.data, trust=trust)
    policy.attach(adapter.data, name="test")
    flown = np.stack([np.array(policy(row)) for row in obs])
    adapted = networks.torch_rollout(module, obs, *states)
    assert np.abs(adapted - plain).max() > 0.1
    np.testing.assert_allclose(flown, adapted, atol=0.05)


def changed(path: Path, op: str, **attributes: object) -> onnx.ModelProto:
    """The network with attributes of its first `op` overwritten."""
    model = onnx.load(path)
    node = next(node for node in model.graph.node if node.op_type == op)
    kept = [attribute for attribute in node.attribute if attribute.name not in attributes]
    del node.attribute[:]
    node.attribute.extend(kept + [helper.make_attribute(k, v) for k, v in attributes.items()])
    return model


@pytest.mark.parametrize(
    ("attributes", "words"),
    [
        ({"direction": "reverse"}, "one forward direction"),
        ({"clip": 1.0}, "no clipping"),
        ({"input_forget": 1}, "no peepholes"),
        ({"activations": ["Sigmoid", "Relu", "Tanh"]}, "expected Sigmoid and Tanh"),
    ],
)
def test_an_lstm_of_another_form_is_refused(
    tmp_path: Path, attributes: dict[str, object], words: str
) -> None:
    path = networks.export(
        networks.Lstm(), zeros((1, 4), (1, 1, 5), (1, 1, 5)), tmp_path / "n.onnx"
    )
    with pytest.raises(SourceError, match=words):
        import_onnx(changed(path, "LSTM", **attributes))


def test_an_lstm_that_would_forget_its_cell_is_refused(tmp_path: Path) -> None:
    class HalfForgetful(networks.Lstm):
        def forward(  # type: ignore[override]
            self, obs: torch.Tensor, h: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            action, h, _ = super().forward(obs, h, torch.zeros(1, 1, 5))
            return action, h

    path = networks.export(HalfForgetful(), zeros((1, 4), (1, 1, 5)), tmp_path / "n.onnx")
    with pytest.raises(SourceError, match="would forget"):
        import_onnx(path)


def test_an_lstm_whose_next_cell_state_is_no_output_is_refused(tmp_path: Path) -> None:
    class Half(networks.Lstm):
        def forward(  # type: ignore[override]
            self, obs: torch.Tensor, h: torch.Tensor, c: torch.Tensor
        ) -> tuple[torch.Tensor, torch.Tensor]:
            return super().forward(obs, h, c)[:2]

    path = networks.export(
        Half(),
        zeros((1, 4), (1, 1, 5), (1, 1, 5)),
        tmp_path / "n.onnx",
        output_names=["action", "h_next"],
    )
    with pytest.raises(SourceError, match="next value of the hidden state 'c' is none"):
        import_onnx(path)
