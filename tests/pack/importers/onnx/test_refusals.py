"""ONNX that the machine cannot run is refused: which node, why, and what to do."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper
from torch import nn

from plasma_pack import SourceError, build
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks


def model(
    nodes: Sequence[onnx.NodeProto],
    *,
    width: int | None = 4,
    outputs: int = 4,
    **initializers: np.ndarray,
) -> onnx.ModelProto:
    shape = [1, width]
    graph = helper.make_graph(
        list(nodes),
        "test",
        [helper.make_tensor_value_info("obs", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, outputs])],
        [onnx.numpy_helper.from_array(v, k) for k, v in initializers.items()],
    )
    return helper.make_model(
        graph, opset_imports=[helper.make_opsetid("", 20), helper.make_opsetid("com.example", 1)]
    )


def test_an_unsupported_operator_is_named_with_its_node_and_opset() -> None:
    node = helper.make_node("Det", ["obs"], ["action"], name="policy/det")
    with pytest.raises(SourceError, match=r"Det node 'policy/det' \(opset 20\).*supported") as info:
        import_onnx(model([node]))
    assert info.value.code == "E_PACK_SOURCE"


@pytest.mark.parametrize(
    ("node", "words"),
    [
        (helper.make_node("Div", ["obs", "zero"], ["action"]), "divides by zero"),
        (
            helper.make_node("Cast", ["obs"], ["action"], to=TensorProto.DOUBLE),
            "export the policy in float32",
        ),
        (helper.make_node("HardSigmoid", ["obs"], ["action"], alpha=0.0), "alpha is 0"),
        (helper.make_node("TopK", ["obs", "none"], ["action", "i"]), "takes 0 of 4"),
        (helper.make_node("MatMul", ["obs", "obs"], ["action"]), "which do not fit"),
        (helper.make_node("Expand", ["obs", "huge"], ["action"]), "at most 16777216 elements"),
        (helper.make_node("Tile", ["obs", "huge"], ["action"]), "at most 16777216 elements"),
        (helper.make_node("Pad", ["obs", "wide"], ["action"]), "at most 16777216 elements"),
        (helper.make_node("Pad", ["obs", "wide"], ["action"], mode="circle"), "pads by 'circle'"),
        (helper.make_node("Erf", ["obs"], ["action"], domain="com.example"), "standard operators"),
    ],
)
def test_what_the_machine_cannot_do_is_refused_with_advice(
    node: onnx.NodeProto, words: str
) -> None:
    constants = {
        "zero": np.zeros(1, np.float32),
        "none": np.array([0]),
        "huge": np.array([1 << 36, 1]),
        "wide": np.array([0, 0, 0, 1 << 40]),
    }
    used = {name: value for name, value in constants.items() if name in node.input}
    with pytest.raises(SourceError, match=words):
        import_onnx(model([node], **used))


def test_a_width_that_is_not_fixed_is_refused() -> None:
    node = helper.make_node("Tanh", ["obs"], ["action"])
    with pytest.raises(SourceError, match="width of input 'obs' is not fixed"):
        import_onnx(model([node], width=None))


def test_a_batch_of_two_is_refused(tmp_path: Path) -> None:
    path = networks.export(networks.Mlp(), (torch.zeros(2, 4),), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match="found a batch of 2; export with batch 1"):
        import_onnx(path)


def test_weights_that_are_not_finite_are_refused(tmp_path: Path) -> None:
    module = networks.Mlp()
    module.net[0].weight.data[0, 0] = float("nan")
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match=r"net\.0 holds NaN"):
        import_onnx(path)


def test_a_gru_that_would_forget_is_refused(tmp_path: Path) -> None:
    class Forgetful(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gru = nn.GRU(4, 3)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return self.gru(obs.unsqueeze(0))[0]

    path = networks.export(Forgetful(), (torch.zeros(1, 4),), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match="would forget"):
        import_onnx(path)


def test_a_gru_whose_next_state_is_no_output_is_refused(tmp_path: Path) -> None:
    class Half(networks.Recurrent):
        def forward(self, obs: torch.Tensor, h: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return super().forward(obs, h)[0]

    path = networks.export(
        Half(),
        (torch.zeros(1, 4), torch.zeros(1, 1, 5)),
        tmp_path / "net.onnx",
        output_names=["action"],
    )
    with pytest.raises(SourceError, match="next value of the hidden state 'h' is none"):
        import_onnx(path)


def test_states_that_do_not_exist_are_refused(mlp_onnx: Path) -> None:
    with pytest.raises(SourceError, match="'h' → 'h2', but the inputs are"):
        import_onnx(mlp_onnx, states={"h": "h2"})


@pytest.mark.parametrize("content", [b"", b"not onnx at all", b"\x00" * 100])
def test_a_file_that_is_not_onnx_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    with pytest.raises(SourceError):
        import_onnx(path)


def test_a_file_that_is_missing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is missing"):
        import_onnx(tmp_path / "none.onnx")


def test_weights_in_a_file_of_their_own_are_found_beside_the_path_only(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    path = networks.export(
        networks.Mlp(), (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=True, external_data=True
    )
    proto = onnx.load(path)
    onnx.save_model(proto, path, save_as_external_data=True, size_threshold=0)
    assert build(path, key=key).slots == ("net.0", "net.2")
    with pytest.raises(SourceError, match="give the path of the ONNX file"):
        import_onnx(path.read_bytes())


def test_damaged_onnx_ends_in_a_source_error_or_in_a_program(mlp_onnx: Path) -> None:
    good = mlp_onnx.read_bytes()
    rng = np.random.default_rng(0)
    for _ in range(300):
        damaged = bytearray(good)
        for _ in range(rng.integers(1, 4)):
            damaged[rng.integers(len(good))] = rng.integers(256)
        with contextlib.suppress(SourceError):
            import_onnx(bytes(damaged))


def test_an_output_that_is_an_input_is_refused() -> None:
    node = helper.make_node("Tanh", ["obs"], ["action"])
    passed_on = model([node])
    passed_on.graph.output.append(helper.make_tensor_value_info("obs", TensorProto.FLOAT, [1, 4]))
    with pytest.raises(SourceError, match="is an input and an output"):
        import_onnx(passed_on)


def test_a_constant_output_is_refused() -> None:
    nodes = [helper.make_node("Tanh", ["zero"], ["action"])]
    with pytest.raises(SourceError, match="does not depend on any input"):
        import_onnx(model(nodes, zero=np.zeros((1, 4), np.float32)))


def test_an_input_that_nothing_reads_is_refused(tmp_path: Path) -> None:
    node = helper.make_node("Tanh", ["obs"], ["action"])
    unread = model([node])
    unread.graph.input.append(helper.make_tensor_value_info("goal", TensorProto.FLOAT, [1, 2]))
    with pytest.raises(SourceError, match="'goal' does not reach any output"):
        import_onnx(unread)
