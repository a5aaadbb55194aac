"""Convolutional networks as torch exports them: windows exactly, whole networks as closely as int8
allows.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from safetensors.torch import save_file
from torch import nn

import plasma_edge as pe
from plasma_pack import SourceError, build, build_adapter
from plasma_pack.compiler.quantize import quantize
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks
from tests.pack.networks import EXPORTERS

FLIGHT = {"low": -100, "high": 100}


def images(count: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(3).standard_normal((count, *shape)).astype(np.float32)


def export(module: nn.Module, shape: tuple[int, ...], path: Path, *, dynamo: bool = False) -> Path:
    return networks.export(module, (torch.zeros(1, *shape),), path / "net.onnx", dynamo=dynamo)


def ops_of(path: Path) -> str:
    return " ".join(i.op for i in import_onnx(path).program.instructions)


def error(flown: np.ndarray, module: nn.Module, obs: np.ndarray) -> float:
    """Largest error, in parts of the largest output."""
    expected = networks.torch_actions(module, obs).reshape(flown.shape)
    return float(np.abs(flown - expected).max() / np.abs(expected).max())


def int8_conv(module: nn.Conv2d, obs: np.ndarray) -> np.ndarray:
    """CONV2D of ISA.md by torch, in whole numbers that float64 holds exactly."""
    weights = module.weight.detach().numpy()
    matrix = quantize(weights.transpose(0, 2, 3, 1).reshape(len(weights), -1))
    order = (len(weights), *weights.shape[2:], weights.shape[1])
    kernels = matrix.values.reshape(order).transpose(0, 3, 1, 2).astype(np.float64)
    half = max(-obs.min(), np.float32(0)) / 2 + max(obs.max(), np.float32(0)) / 2
    q = np.rint(obs * (np.float32(127) / half)).astype(np.float64)
    acc = nn.functional.conv2d(
        torch.from_numpy(q[None]),
        torch.from_numpy(kernels),
        None,
        module.stride,
        module.padding,
        module.dilation,
        module.groups,
    )[0].numpy()
    step = (half / np.float32(127)) * matrix.scales
    bias = module.bias.detach().numpy() if module.bias is not None else np.float32(0)
    return acc.astype(np.float32) * step[:, None, None] + np.reshape(bias, (-1, 1, 1))


CONVS = [
    nn.Conv2d(4, 6, 3),
    nn.Conv2d(3, 17, 4, stride=2),
    nn.Conv2d(1, 5, (2, 3), stride=(1, 2), bias=False),
    nn.Conv2d(2, 3, 3, padding=1),
    nn.Conv2d(3, 4, (3, 1), padding=(2, 1), stride=2),
    nn.Conv2d(5, 4, 3, dilation=2, padding=2),
    nn.Conv2d(6, 4, 3, dilation=(1, 3)),
    nn.Conv2d(6, 9, 3, groups=3, padding=1),
    nn.Conv2d(8, 8, 3, groups=8, padding=1),
    nn.Conv2d(4, 12, 3, groups=4),
    nn.Conv2d(7, 33, 1),
]


@EXPORTERS
@pytest.mark.parametrize("module", CONVS, ids=str)
def test_every_window_is_the_one_of_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, module: nn.Conv2d, dynamo: bool
) -> None:
    path = export(module, (module.in_channels, 9, 8), tmp_path, dynamo=dynamo)
    obs = images(4, module.in_channels, 9, 8)
    flown = networks.fly(build(path, key=key, weights="int8", **FLIGHT).data, trust, obs)
    for action, image in zip(flown, obs, strict=True):
        np.testing.assert_array_equal(action, int8_conv(module, image))


def pointwise(channels: int) -> nn.Sequential:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(channels, 7, 1), nn.BatchNorm2d(7), nn.ReLU(), nn.Flatten())


@EXPORTERS
@pytest.mark.parametrize("size", [(1, 1), (5, 3)])
def test_a_wide_pixel_is_a_row_of_a_linear(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, size: tuple[int, int], dynamo: bool
) -> None:
    module = pointwise(64)
    path = export(module, (64, *size), tmp_path, dynamo=dynamo)
    assert "linear" in ops_of(path) and "conv2d" not in ops_of(path)
    obs = images(20, 64, *size)
    packet = build(path, key=key, **FLIGHT)
    assert packet.slots == ("0",)
    assert error(networks.fly(packet.data, trust, obs), module, obs) < 0.02
    assert "conv2d" in ops_of(export(pointwise(63), (63, *size), tmp_path))


def test_an_adapter_reaches_a_convolution_of_one_pixel(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    module = pointwise(64)
    base = build(export(module, (64, 4, 4), tmp_path), key=key, max_adapters=1, **FLIGHT)
    a, b = torch.randn(3, 64, 1, 1) / 8, torch.randn(7, 3, 1, 1)
    prefix = "base_model.model.0.lora_"
    save_file(
        {f"{prefix}A.weight": a, f"{prefix}B.weight": b}, tmp_path / "adapter_model.safetensors"
    )
    config = {"peft_type": "LORA", "r": 3, "lora_alpha": 6, "bias": "none"}
    (tmp_path / "adapter_config.json").write_text(json.dumps(config))
    policy = pe.Policy.load(base.data, trust=trust)
    policy.attach(build_adapter(base, tmp_path, key=key).data, name="a")
    module[0].weight.data += 2 * (b[:, :, 0, 0] @ a[:, :, 0, 0])[:, :, None, None]
    obs = images(20, 64, 4, 4)
    flown = np.stack([np.array(policy(image)) for image in obs])
    assert error(flown, module, obs) < 0.02


def nature_cnn() -> nn.Sequential:
    layers = [nn.Conv2d(4, 32, 8, 4), nn.Conv2d(32, 64, 4, 2), nn.Conv2d(64, 64, 3, 1)]
    return nn.Sequential(
        *(part for layer in layers for part in (layer, nn.ReLU())),
        *(nn.Flatten(), nn.Linear(3136, 512), nn.ReLU(), nn.Linear(512, 6)),
    )


def vae_encoder() -> nn.Sequential:
    widths = [3, 32, 64, 128, 256]
    layers = [nn.Conv2d(a, b, 4, 2) for a, b in zip(widths, widths[1:], strict=False)]
    return nn.Sequential(
        *(part for layer in layers for part in (layer, nn.ReLU())),
        *(nn.Flatten(), nn.Linear(1024, 32)),
    )


@EXPORTERS
@pytest.mark.parametrize(("make", "shape"), [(nature_cnn, (4, 84, 84)), (vae_encoder, (3, 64, 64))])
def test_a_whole_network_stays_within_two_hundredths_of_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, make, shape, dynamo: bool
) -> None:
    torch.manual_seed(0)
    module = make()
    path = export(module, shape, tmp_path, dynamo=dynamo)
    assert ops_of(path).split()[:2] == ["strided", "conv2d"] and ops_of(path).count("strided") == 1
    packet = build(path, key=key, **FLIGHT)
    assert pe.Policy.load(packet.data, trust=trust).inputs[0].shape == shape
    obs = np.random.default_rng(1).random((16, *shape), dtype=np.float32)
    assert error(networks.fly(packet.data, trust, obs), module, obs) < 0.02


class Everything(nn.Module):
    """Pools, batch normalisation, a residual, depthwise kernels and a state beside the image."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8))
        self.pool = nn.MaxPool2d(3, 2, 1)
        self.block = nn.Conv2d(8, 8, 3, 1, 1, groups=8)
        self.point = nn.Sequential(nn.Conv2d(8, 16, 1), nn.BatchNorm2d(16), nn.SiLU())
        self.average = nn.AvgPool2d(2, ceil_mode=True)
        self.head = nn.Linear(16 + 16 * 2 * 2 + 5, 4)

    def forward(self, obs: torch.Tensor, h: torch.Tensor) -> torch.Tensor:
        x = self.pool(torch.relu(self.stem(obs / 255)))
        x = self.point(torch.relu(self.block(x)) + x)
        features = [x.mean((2, 3)), torch.flatten(self.average(x), 1), torch.tanh(h)]
        return torch.tanh(self.head(torch.cat(features, dim=-1)))


@EXPORTERS
def test_everything_at_once_stays_close_to_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool
) -> None:
    torch.manual_seed(2)
    module = Everything()
    for part in module.modules():
        if isinstance(part, nn.BatchNorm2d):
            nn.init.uniform_(part.weight, 0.5, 2)
            nn.init.normal_(part.bias)
            nn.init.normal_(part.running_mean)
            nn.init.uniform_(part.running_var, 0.5, 2)
    args = (torch.zeros(1, 3, 8, 7), torch.zeros(1, 5))
    path = networks.export(
        module, args, tmp_path / "net.onnx", dynamo=dynamo, output_names=["action"]
    )
    policy = pe.Policy.load(build(path, key=key).data, trust=trust)
    numbers = np.random.default_rng(5)
    for _ in range(20):
        obs = numbers.integers(0, 256, (1, 3, 8, 7)).astype(np.float32)
        h = numbers.standard_normal((1, 5)).astype(np.float32)
        with torch.no_grad():
            expected = module(torch.from_numpy(obs), torch.from_numpy(h))[0].numpy()
        np.testing.assert_allclose(policy.step({"obs": obs[0], "h": h[0]}), expected, atol=0.03)


@EXPORTERS
def test_scaled_observations_and_batch_normalisation_cost_nothing(
    tmp_path: Path, dynamo: bool
) -> None:
    class Normalised(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, bias=False)
            self.norm = nn.BatchNorm2d(4)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            x = (obs / 255 - torch.tensor([0.4, 0.5, 0.6])[:, None, None]) / 0.25
            return self.norm(self.conv(x)).relu().flatten(1)

    path = export(Normalised(), (3, 5, 5), tmp_path, dynamo=dynamo)
    assert ops_of(path) == "strided conv2d relu strided concat"


POOLS = [
    nn.MaxPool2d(2),
    nn.MaxPool2d(3, 2, 1),
    nn.MaxPool2d((2, 3), (1, 2), ceil_mode=True),
    nn.AvgPool2d(3, 2),
    nn.AvgPool2d(3, 1, 1, count_include_pad=False),
    nn.AdaptiveAvgPool2d(1),
]


@EXPORTERS
@pytest.mark.parametrize("module", POOLS, ids=str)
def test_pools_are_those_of_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, module: nn.Module, dynamo: bool
) -> None:
    path = export(module, (19, 8, 8), tmp_path, dynamo=dynamo)
    obs = images(4, 19, 8, 8)
    flown = networks.fly(build(path, key=key, **FLIGHT).data, trust, obs)
    expected = networks.torch_actions(module, obs).reshape(flown.shape)
    np.testing.assert_allclose(flown, expected, atol=1e-6)


def test_the_largest_of_each_channel_is_that_of_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    path = export(nn.AdaptiveMaxPool2d(1), (5, 4, 3), tmp_path)
    obs = images(4, 5, 4, 3)
    flown = networks.fly(build(path, key=key, **FLIGHT).data, trust, obs)
    np.testing.assert_array_equal(flown, obs.max(axis=(2, 3), keepdims=True))


def test_an_image_that_a_linear_made_is_taken(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    torch.manual_seed(4)
    module = nn.Sequential(nn.Linear(6, 24), nn.Unflatten(1, (2, 3, 4)), nn.Conv2d(2, 3, 2))
    path = export(module, (6,), tmp_path)
    assert ops_of(path) == "linear strided conv2d strided"
    obs = networks.observations(20, 6)
    assert error(networks.fly(build(path, key=key, **FLIGHT).data, trust, obs), module, obs) < 0.03


LINES = [
    nn.Conv1d(3, 4, 2),
    nn.Conv1d(3, 6, 3, padding=1, stride=2, groups=3),
    nn.Conv1d(3, 4, 3, padding="same", dilation=2),
    nn.Conv2d(3, 4, 3, padding="same"),
    nn.Sequential(nn.Conv1d(3, 4, 2), nn.ReLU(), nn.AvgPool1d(2), nn.Flatten(), nn.Linear(12, 5)),
]


@EXPORTERS
@pytest.mark.parametrize("module", LINES, ids=str)
def test_a_line_is_an_image_one_high(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, module: nn.Module, dynamo: bool
) -> None:
    shape = (3, 7, 8) if isinstance(module, nn.Conv2d) else (3, 8)
    obs = images(6, *shape)
    packet = build(export(module, shape, tmp_path, dynamo=dynamo), key=key, **FLIGHT)
    assert error(networks.fly(packet.data, trust, obs), module, obs) < 0.03


@EXPORTERS
@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize(
    "pool", [nn.AvgPool2d(3, 2, padding=1), nn.AvgPool1d(2, padding=1)], ids=str
)
def test_padding_counts_in_the_means_of_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, pool: nn.Module, dynamo: bool, ceil: bool
) -> None:
    pool.ceil_mode = ceil
    shape = (2, 6, 7) if isinstance(pool, nn.AvgPool2d) else (2, 7)
    obs = images(6, *shape)
    packet = build(export(pool, shape, tmp_path, dynamo=dynamo), key=key, **FLIGHT).data
    assert error(networks.fly(packet, trust, obs), pool, obs) < 1e-6


REFUSED = [
    (nn.Conv3d(3, 4, 2), (3, 4, 4, 4), "expected an image"),
    (nn.MaxPool2d(2, dilation=2), (3, 8, 8), "dilated"),
]


@pytest.mark.parametrize(("module", "shape", "message"), REFUSED, ids=lambda part: str(part))
def test_what_no_window_can_do_is_refused(
    tmp_path: Path, module: nn.Module, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(SourceError, match=message):
        import_onnx(export(module, shape, tmp_path))


@pytest.mark.parametrize("module", CONVS, ids=str)
def test_a_convolution_in_float_is_a_linear_over_its_windows(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, module: nn.Conv2d
) -> None:
    path = export(module, (module.in_channels, 9, 8), tmp_path)
    obs = images(4, module.in_channels, 9, 8)
    packet = build(path, key=key, weights="f32", **FLIGHT)
    assert error(networks.fly(packet.data, trust, obs), module, obs) < 2e-6
    assert packet.slots == build(path, key=key, weights="int8", **FLIGHT).slots == ()
