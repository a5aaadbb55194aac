"""Movements, reductions and choices that torch exports, against torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch import nn

import plasma_edge as pe
from plasma_pack import build
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks
from tests.pack.networks import EXPORTERS, Function, Only


def grid(x: torch.Tensor) -> torch.Tensor:
    return x.reshape(1, 3, 4)


def rotate_half(x: torch.Tensor) -> torch.Tensor:
    angles = torch.arange(3.0)[:, None] * torch.tensor([1.0, 0.1])
    cos, sin = (torch.cat([f(angles)] * 2, -1) for f in (torch.cos, torch.sin))
    first, second = x.chunk(2, -1)
    return x * cos + torch.cat([-second, first], -1) * sin


TABLE = torch.tensor([[1.0, -2, 3], [4, 5, -6], [7, 8, 9], [-10, 11, 12]])

# Each with its instructions, tanh standing for "then something".
MOVES: dict[str, tuple[Function, str]] = {
    "transpose": (lambda x: torch.tanh(grid(x).transpose(1, 2)).flatten(1), "tanh strided concat"),
    "stepped": (lambda x: torch.tanh(x[:, 1::3]), "strided tanh"),
    "flipped": (lambda x: torch.tanh(x.flip(-1)), "tanh strided"),
    "rolled": (lambda x: torch.tanh(x.roll(5, -1)), "tanh gather"),
    "tiled": (lambda x: torch.tanh(x.repeat(1, 3)), "strided tanh concat"),
    "expanded": (lambda x: x[:, :1].expand(-1, 12) - x, "strided sub"),
    "picked": (lambda x: torch.tanh(x[:, [0, 7, 2]]), "gather tanh"),
    "row by grid": (lambda x: (grid(x) * x[:, None, :4]).flatten(1), "strided concat mul"),
    "outer": (
        lambda x: (x[:, :3, None] + x[:, None, 3:7]).flatten(1),
        "strided strided add concat",
    ),
    "constants": (lambda x: (x[:, :, None] * torch.tensor([1.0, 2, 3])).flatten(1), None),
    "split": (lambda x: torch.cat([p * i for i, p in enumerate(x.split([2, 7, 3], -1))], -1), None),
    "stack": (lambda x: torch.stack([x, x.exp()], -1).flatten(1), None),
    "windows": (lambda x: x.unfold(1, 4, 2).flatten(1).tanh(), None),
    "sum": (lambda x: x.sum(-1, keepdim=True), "reduce_sum"),
    "mean of rows": (lambda x: grid(x).mean(-1), "concat reduce_mean"),
    "mean of columns": (lambda x: grid(x).mean(1), "strided reduce_mean"),
    "max": (lambda x: grid(x).amax(2), "concat reduce_max"),
    "min": (lambda x: grid(x).amin(1), "strided normalize reduce_max normalize"),
    "length": (lambda x: x / torch.linalg.vector_norm(x, dim=-1, keepdim=True), None),
    "sum of sizes": (lambda x: torch.linalg.vector_norm(x, ord=1, dim=-1, keepdim=True), None),
    "log softmax": (
        lambda x: torch.log_softmax(x, -1),
        "reduce_max strided sub exp reduce_sum log strided sub",
    ),
    "log softmax of rows": (lambda x: torch.log_softmax(30 * grid(x), 2).flatten(1), None),
    "log sum exp": (lambda x: torch.logsumexp(50 * x, -1, keepdim=True), None),
    "variance": (lambda x: x.var(-1, keepdim=True), None),
    "three largest": (lambda x: x.topk(3).values, "top_k gather"),
    "three least": (lambda x: x.topk(3, largest=False).values, None),
    "value of the best": (lambda x: x.gather(-1, x.argmax(-1, keepdim=True)), "argmax gather"),
    "row of the best": (lambda x: TABLE[x[:, :4].argmax(-1)], "strided argmax gather concat"),
    "best row": (lambda x: grid(x)[0][grid(x)[0, :, 0].argmax(-1, keepdim=True)], None),
    "whole part": (lambda x: (3 * x).long().float(), None),
    "whole quotient": (lambda x: torch.div((9 * x).long(), 4, rounding_mode="trunc").float(), None),
    "best of each row": (lambda x: grid(x).argmax(2).float(), None),
    "two of each column": (lambda x: grid(x).topk(2, dim=1).values.flatten(1), None),
    "where two of each are": (lambda x: grid(x).topk(2, dim=2).indices.flatten(1).float(), None),
    "value of each best": (
        lambda x: grid(x).gather(2, grid(x).argmax(2, keepdim=True)).flatten(1),
        None,
    ),
    "one hot": (lambda x: nn.functional.one_hot(x.argmax(-1), 12).float(), None),
    "running sum": (lambda x: x.cumsum(-1), None),
    "running sum of columns": (lambda x: grid(x).cumsum(1).flatten(1), None),
    "product": (lambda x: grid(x).prod(2), None),
    "padded": (lambda x: nn.functional.pad(grid(x), (1, 2, 0, 1), value=0.5).flatten(1), None),
    "reflected": (lambda x: nn.functional.pad(grid(x), (2, 1), mode="reflect").flatten(1), None),
    "replicated": (lambda x: nn.functional.pad(grid(x), (2, 1), mode="replicate").flatten(1), None),
    "triangle": (lambda x: grid(x).tril(-1).flatten(1), None),
    "uneven parts": (
        lambda x: torch.cat([p.tanh() for p in x.split([1, 4, 7], -1)][::-1], -1),
        None,
    ),
    "nearest": (
        lambda x: nn.functional.interpolate(grid(x)[None], scale_factor=2).flatten(1),
        None,
    ),
    "bilinear": (
        lambda x: nn.functional.interpolate(grid(x)[None], size=(5, 3), mode="bilinear").flatten(1),
        None,
    ),
    "shuffled pixels": (
        lambda x: nn.functional.pixel_shuffle(x.reshape(1, 4, 1, 3), 2).flatten(1),
        None,
    ),
    "outer product": (lambda x: torch.einsum("bi,bj->bij", x[:, :3], x[:, 3:7]).flatten(1), None),
    "products of rows": (lambda x: (grid(x) @ grid(x).transpose(1, 2)).flatten(1), None),
    "rotary": (lambda x: rotate_half(grid(x)).flatten(1), None),
}


@EXPORTERS
@pytest.mark.parametrize("name", MOVES)
def test_a_move_or_choice_matches_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, name: str
) -> None:
    function, ops = MOVES[name]
    module = Only(function)
    path = networks.export(module, (torch.zeros(1, 12),), tmp_path / "net.onnx", dynamo=dynamo)
    if ops is not None:
        assert " ".join(i.op for i in import_onnx(path).program.instructions) == ops
    obs = networks.observations(50, 12)
    packet = build(path, key=key, weights="f32", low=-1e4, high=1e4).data
    expected = np.concatenate([networks.torch_actions(module, row[None]) for row in obs])
    found = networks.fly(packet, trust, obs)
    np.testing.assert_allclose(found.reshape(expected.shape), expected, rtol=3e-6, atol=2e-6)


class Embedded(nn.Module):
    """A category and two numbers → action."""

    def __init__(self) -> None:
        super().__init__()
        self.embedding = nn.Embedding(6, 5)
        self.head = nn.Linear(7, 3)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        rows = self.embedding(obs[:, 0].long())
        return torch.tanh(self.head(torch.cat([rows, obs[:, 1:]], -1)))


@EXPORTERS
@pytest.mark.parametrize(("weights", "atol"), [("f32", 1e-6), ("f16", 1e-3), ("int8", 2e-2)])
def test_an_embedding_is_a_gather_of_rows(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, weights: str, atol: float
) -> None:
    torch.manual_seed(0)
    module = Embedded()
    path = networks.export(module, (torch.zeros(1, 3),), tmp_path / "net.onnx", dynamo=dynamo)
    obs = networks.observations(30, 3)
    obs[:, 0] = np.arange(30) % 6
    packet = build(path, key=key, weights=weights, golden=obs[:16]).data
    policy = pe.Policy.load(packet, trust=trust)
    found = np.stack([np.array(policy(row)) for row in obs])
    np.testing.assert_allclose(found, networks.torch_actions(module, obs), atol=atol)
    policy([2.5, 0, 0])
    policy([6, 0, 0])
    assert policy.stats.faults == 2


def test_rotate_half_folds_its_sign_into_the_table(tmp_path: Path) -> None:
    path = networks.export(
        Only(lambda x: rotate_half(grid(x)).flatten(1)),
        (torch.zeros(1, 12),),
        tmp_path / "net.onnx",
    )
    ops = [i.op for i in import_onnx(path).program.instructions]
    assert sorted(ops) == ["add", "concat", "normalize", "normalize", "strided"]


@pytest.mark.parametrize("interleaved", [0, 1])
@pytest.mark.parametrize("axes", [3, 4])
@pytest.mark.parametrize("width", [0, 4])
def test_rotary_embedding_is_that_of_onnx(
    key: Ed25519PrivateKey, trust: bytes, interleaved: int, axes: int, width: int
) -> None:
    heads, positions, size = 2, 3, 6
    shape = [1, positions, heads * size] if axes == 3 else [1, heads, positions, size]
    angles = np.random.default_rng(1).uniform(-3, 3, (9, (width or size) // 2))
    tables = {"cos": np.cos(angles), "sin": np.sin(angles)}
    node = helper.make_node(
        "RotaryEmbedding",
        ["x", "cos", "sin", "places"],
        ["y"],
        interleaved=interleaved,
        rotary_embedding_dim=width,
        num_heads=heads,
    )
    graph = helper.make_graph(
        [node, helper.make_node("Reshape", ["y", "flat"], ["action"])],
        "test",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("action", TensorProto.FLOAT, [1, 36])],
        [
            *(onnx.numpy_helper.from_array(t.astype(np.float32), n) for n, t in tables.items()),
            onnx.numpy_helper.from_array(np.array([[4, 0, 7]]), "places"),
            onnx.numpy_helper.from_array(np.array([1, 36]), "flat"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)])
    policy = pe.Policy.load(build(model, key=key, low=-9, high=9).data, trust=trust)
    x = networks.observations(1, 36).reshape(shape)
    expected = ReferenceEvaluator(model).run(None, {"x": x})[0]
    found = policy(x.reshape(policy.inputs[0].shape))
    np.testing.assert_allclose(found, expected.reshape(-1), atol=1e-6)


class Stacked(nn.Module):
    """The last three observations together → action; the frames are the state."""

    def __init__(self) -> None:
        super().__init__()
        self.head = nn.Linear(12, 2)

    def forward(self, obs: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        frames = torch.cat([h[:, 1:], obs[:, None]], 1)
        return torch.tanh(self.head(frames.flatten(1))), frames


@EXPORTERS
def test_frames_are_stacked_as_in_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(1)
    module, frames = Stacked(), torch.zeros(1, 3, 4)
    path = networks.export(
        module, (torch.zeros(1, 4), frames), tmp_path / "net.onnx", dynamo=dynamo
    )
    obs = networks.observations(20)
    packet = build(path, key=key, weights="f32", states={"h": "h_next"}).data
    expected = networks.torch_rollout(module, obs, frames)
    np.testing.assert_allclose(networks.fly(packet, trust, obs), expected, atol=1e-6)
