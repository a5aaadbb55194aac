"""Networks over sequences of tokens, as torch exports them and as ONNX writes attention."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from onnx import TensorProto, helper
from onnx.reference import ReferenceEvaluator
from torch import nn
from torch.nn.functional import scaled_dot_product_attention

import plasma_edge as pe
from plasma_pack import SourceError, build
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks
from tests.pack.networks import EXPORTERS
from tests.test_programs import FOLDER, Machine

FLIGHT = {"low": -1e4, "high": 1e4}
TOKENS, WIDTH, HEADS = 5, 16, 2


def tokens(count: int, *shape: int) -> np.ndarray:
    shape = shape or (TOKENS, WIDTH)
    return np.random.default_rng(3).standard_normal((count, *shape)).astype(np.float32)


def export(module: nn.Module, path: Path, *shape: int, dynamo: bool = False, **options) -> Path:
    args = (torch.zeros(1, *(shape or (TOKENS, WIDTH))),)
    return networks.export(module, args, path / "net.onnx", dynamo=dynamo, **options)


def ops_of(path: Path) -> list[str]:
    return [i.op for i in import_onnx(path).program.instructions]


def error(packet: bytes, trust: bytes, module: nn.Module, obs: np.ndarray) -> float:
    """Largest error, in parts of the largest output."""
    flown = networks.fly(packet, trust, obs)
    expected = networks.torch_actions(module, obs).reshape(flown.shape)
    return float(np.abs(flown - expected).max() / np.abs(expected).max())


class Block(nn.Module):
    """Pre-norm attention and feed-forward, heads cut out of one linear. x [B, T, D]."""

    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.qkv, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.up, self.down = nn.Linear(WIDTH, 32), nn.Linear(32, WIDTH)

    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        scores = q @ k.transpose(-1, -2) * (WIDTH // HEADS) ** -0.5
        return scores.softmax(-1) @ v

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        batch, count, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, count, 3, HEADS, width // HEADS)
        mixed = self.mix(*qkv.permute(2, 0, 3, 1, 4)).transpose(1, 2).reshape(batch, count, width)
        attended = x + self.out(mixed)
        return attended + self.down(torch.relu(self.up(self.norm2(attended))))


class Divided(Block):
    """Scores divided, and a mask that hides what comes later."""

    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        scores = (q @ k.transpose(-1, -2)) / math.sqrt(WIDTH // HEADS)
        later = torch.ones(TOKENS, TOKENS).triu(1).bool()
        return scores.masked_fill(later, -torch.inf).softmax(-1) @ v


class Causal(Block):
    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        return scaled_dot_product_attention(q, k, v, is_causal=True)


class Biased(Block):
    """A mask of numbers, scaled queries."""

    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        near = -torch.arange(TOKENS).sub(torch.arange(TOKENS)[:, None]).abs().float()
        return scaled_dot_product_attention(q, k, v, attn_mask=near, scale=0.7)


class Hidden(Block):
    """The first token is for nobody."""

    def mix(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor) -> torch.Tensor:
        seen = torch.arange(TOKENS).expand(TOKENS, TOKENS) > 0
        return scaled_dot_product_attention(q, k, v, attn_mask=seen)


class Last(nn.Module):
    """tokens → action from the last of them."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*blocks)
        self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, 4)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.head(self.norm(self.blocks(obs)[:, -1]))


@EXPORTERS
@pytest.mark.parametrize("block", [Block, Divided, Causal, Biased, Hidden])
def test_a_transformer_stays_close_to_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, block: type[Block], dynamo: bool
) -> None:
    torch.manual_seed(0)
    module = Last(block(), block())
    path = export(module, tmp_path, dynamo=dynamo)
    assert ops_of(path).count("attention") == 2
    exact = build(path, key=key, weights="f32", **FLIGHT)
    assert error(exact.data, trust, module, tokens(20)) < 1e-5
    assert error(build(path, key=key, **FLIGHT).data, trust, module, tokens(20)) < 0.03


def test_a_block_is_as_many_instructions_as_it_has_layers(tmp_path: Path) -> None:
    path = export(Block(), tmp_path)
    block = "layer_norm linear attention linear add layer_norm linear relu linear add"
    assert " ".join(ops_of(path)) == block
    assert import_onnx(path).program.slot_names == ("qkv", "out", "up", "down")


@pytest.mark.parametrize("opset", [11, 13, 17, 20])
def test_every_opset_gives_the_same_instructions(tmp_path: Path, opset: int) -> None:
    torch.manual_seed(0)
    older = ops_of(export(Last(Block()), tmp_path, opset_version=opset))
    assert older == ops_of(export(Last(Block()), tmp_path))


class Library(nn.Module):
    """Torch's own layers."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.TransformerEncoderLayer(WIDTH, HEADS, 32, batch_first=True)
        self.cross = nn.MultiheadAttention(WIDTH, HEADS, batch_first=True)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.layer(x)
        return self.cross(y[:, -2:], y, y, need_weights=False)[0]


@EXPORTERS
def test_the_layers_of_torch_stay_close_to_it(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(0)
    module = Library().eval()
    path = export(module, tmp_path, dynamo=dynamo)
    assert ops_of(path).count("attention") == 2
    packet = build(path, key=key, weights="f32", **FLIGHT)
    assert error(packet.data, trust, module, tokens(20)) < 1e-5


class Patches(nn.Module):
    """A vision transformer: patches of an image, a token of its own, positions."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, WIDTH, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, WIDTH))
        self.positions = nn.Parameter(torch.randn(1, 5, WIDTH))
        self.block = Block()
        self.head = nn.Linear(WIDTH, 3)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        x = self.patches(obs).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(len(x), -1, -1), x], dim=1) + self.positions
        return torch.tanh(self.head(self.block(x)[:, 0]))


@EXPORTERS
def test_patches_of_an_image_are_tokens(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(0)
    module = Patches()
    path = export(module, tmp_path, 3, 8, 8, dynamo=dynamo)
    assert error(build(path, key=key).data, trust, module, tokens(20, 3, 8, 8)) < 0.04


def test_tokens_keep_their_shape(tmp_path: Path, key: Ed25519PrivateKey, trust: bytes) -> None:
    path = export(Block(), tmp_path)
    policy = pe.Policy.load(build(path, key=key, **FLIGHT).data, trust=trust)
    assert policy.inputs[0].shape == policy.outputs[0].shape == (TOKENS, WIDTH)


def test_a_program_with_a_memory_attends_to_its_last_rows() -> None:
    machine = Machine(FOLDER / "attention_over_the_last_rows.pasm", kernels="scalar")
    weights = machine.assembly.program.tensor("w").values
    seen = tokens(12, 2)
    q, k, v = torch.from_numpy(seen @ np.asarray(weights).T).split(2, dim=-1)
    for t, row in enumerate(seen):
        last = slice(max(0, t - 3), t + 1)
        expected = scaled_dot_product_attention(q[t : t + 1], k[last], v[last], scale=0.7)
        np.testing.assert_allclose(machine.policy(row), expected[0], rtol=1e-5, atol=1e-6)


def attention_model(shapes: list[tuple[int, ...]], mask: np.ndarray | None, **attributes):
    names = ["obs", "k", "v"][: len(shapes)]
    inputs = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in zip(names, shapes, strict=True)
    ]
    operands = (names * 3)[:3] if len(names) == 1 else list(names)
    constants = [] if mask is None else [onnx.numpy_helper.from_array(mask, "mask")]
    node = helper.make_node(
        "Attention", operands + ["mask"] * len(constants), ["action"], **attributes
    )
    output = helper.make_tensor_value_info("action", TensorProto.FLOAT, shapes[0])
    graph = helper.make_graph([node], "test", inputs, [output], constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 23)], ir_version=10)


FOUR = [(1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 4)]
BY_HEAD = np.random.default_rng(2).standard_normal((1, 2, 3, 5)).astype(np.float32)
OPERATORS = [
    (FOUR, None, {}),
    (FOUR, None, {"scale": 0.3}),
    ([(1, 2, 4, 4)], None, {"is_causal": 1}),
    (FOUR, np.random.default_rng(0).standard_normal((3, 5)).astype(np.float32), {}),
    (FOUR, np.random.default_rng(1).random((1, 1, 3, 5)) < 0.7, {}),
    ([(1, 3, 8), (1, 5, 8), (1, 5, 8)], None, {"q_num_heads": 4, "kv_num_heads": 4}),
    ([(1, 3, 8), (1, 5, 4), (1, 5, 4)], None, {"q_num_heads": 4, "kv_num_heads": 2}),
    (FOUR, BY_HEAD, {}),
    ([(1, 2, 4, 4)], None, {"softcap": 2.0, "is_causal": 1}),
    ([(1, 2, 3, 4), (1, 2, 5, 4), (1, 2, 5, 6)], None, {}),
]


@pytest.mark.parametrize(("shapes", "mask", "attributes"), OPERATORS)
def test_the_operator_of_onnx_is_attention(
    key: Ed25519PrivateKey, trust: bytes, shapes, mask, attributes
) -> None:
    model = attention_model(shapes, mask, **attributes)
    policy = pe.Policy.load(build(model, key=key, **FLIGHT).data, trust=trust)
    reference = ReferenceEvaluator(model)
    rng = np.random.default_rng(4)
    for _ in range(5):
        feeds = {
            value.name: rng.standard_normal([d.dim_value for d in value.type.tensor_type.shape.dim])
            for value in model.graph.input
        }
        feeds = {name: value.astype(np.float32) for name, value in feeds.items()}
        expected = reference.run(None, feeds)[0]
        given = {name: value[0] for name, value in feeds.items()}
        action = policy.step(given if len(given) > 1 else given["obs"])
        np.testing.assert_allclose(action.reshape(-1), expected.reshape(-1), atol=2e-6)


HIDES_A_ROW = np.tri(4, dtype=bool)[:, ::-1] & ~np.eye(4, dtype=bool)[3][:, None]


def test_a_mask_that_hides_all_keys_is_refused() -> None:
    with pytest.raises(SourceError, match="hides all keys from a query"):
        import_onnx(attention_model([(1, 2, 4, 4)], HIDES_A_ROW))


def test_a_large_product_of_live_values_alone_is_refused(tmp_path: Path) -> None:
    class Product(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = x.repeat(1, 50, 1)
            return x @ x.transpose(1, 2).repeat(1, 1, 9)

    with pytest.raises(SourceError, match="products of values that inputs reach"):
        import_onnx(export(Product(), tmp_path))
