"""Policies as papers draw them, built without a hint: the packet must act as the module does."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn
from torch.nn import functional as F  # noqa: N812

import plasma_edge as pe
import plasma_pack as pp
from plasma_pack.packet.keys import public_bytes


class ResidualImage(nn.Module):
    """Batch norm, group norm, a skip connection and adaptive pooling."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.batch = nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16)
        self.second, self.group = nn.Conv2d(16, 16, 3, 1, 1), nn.GroupNorm(4, 16)
        self.pool, self.head = nn.AdaptiveAvgPool2d((4, 4)), nn.Linear(256, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.batch(self.first(x)))
        x = F.silu(self.group(self.second(x))) + x
        return torch.tanh(self.head(self.pool(x).flatten(1)))


class ResidualMlp(nn.Module):
    """SimBa (Lee et al., 2024): running statistics, a residual block behind a layer norm."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.randn(17))
        self.register_buffer("variance", torch.rand(17) + 0.5)
        self.first, self.norm = nn.Linear(17, 64), nn.LayerNorm(64)
        self.up, self.down, self.head = nn.Linear(64, 256), nn.Linear(256, 64), nn.Linear(64, 6)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.first(((x - self.mean) / torch.sqrt(self.variance + 1e-8)).clamp(-5, 5))
        x = x + self.down(F.relu(self.up(self.norm(x))))
        return torch.tanh(self.head(F.layer_norm(x, (64,))))


class SimplicialLatent(nn.Module):
    """TD-MPC2 (Hansen et al., 2024): Mish, softmax over groups, mean and spread in one layer."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.norm = nn.Linear(24, 64), nn.LayerNorm(64)
        self.second, self.head = nn.Linear(64, 64), nn.Linear(64, 8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.second(F.mish(self.norm(self.first(x))))
        x = F.softmax(x.view(-1, 8, 8), -1).view(-1, 64)
        mean, _ = self.head(x).chunk(2, -1)
        return torch.tanh(mean)


class Transformer(nn.Module):
    """A causal encoder over a window of observations, acting on the last."""

    def __init__(self) -> None:
        super().__init__()
        layer = nn.TransformerEncoderLayer(32, 4, 64, batch_first=True, norm_first=True, dropout=0)
        self.embed, self.place = nn.Linear(10, 32), nn.Parameter(torch.randn(12, 32) * 0.1)
        self.layers = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.head = nn.Linear(32, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        mask = nn.Transformer.generate_square_subsequent_mask(12)
        x = self.layers(self.embed(x) + self.place, mask=mask, is_causal=True)
        return torch.tanh(self.head(x[:, -1]))


class Experts(nn.Module):
    """A mixture of experts with a softmax gate."""

    def __init__(self) -> None:
        super().__init__()
        self.gate = nn.Linear(12, 4)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(12, 32), nn.SiLU(), nn.Linear(32, 3)) for _ in range(4)
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        gate = F.softmax(self.gate(x), -1)
        parts = [gate[:, k : k + 1] * expert(x) for k, expert in enumerate(self.experts)]
        return torch.tanh(torch.stack(parts).sum(0))


class MobileImage(nn.Module):
    """Depthwise separable convolutions with squeeze and excitation."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 8, 3, padding="same")
        self.depth, self.point = nn.Conv2d(8, 8, 3, padding=1, groups=8), nn.Conv2d(8, 12, 1)
        self.excite = nn.Sequential(nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 12), nn.Hardsigmoid())
        self.head = nn.Linear(12 * 7 * 7, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.hardswish(self.point(self.depth(F.relu6(self.first(x)))))
        x = F.max_pool2d(x, 2)
        weights = self.excite(x.mean((2, 3)))
        return torch.tanh(self.head((x * weights[:, :, None, None]).flatten(1)))


class MixtureDensity(nn.Module):
    """The mean of the likeliest of three Gaussians."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.head = nn.Linear(9, 32), nn.Linear(32, 15)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.head(torch.relu(self.first(x))).view(-1, 3, 5)
        best = y[..., 0].argmax(1, keepdim=True)
        return torch.tanh(torch.gather(y[..., 1:3], 1, best[:, :, None].expand(-1, -1, 2))[:, 0])


class Quaternion(nn.Module):
    """Normalises a rotation and chooses a sign by it."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(13, 64), nn.Softplus(), nn.Linear(64, 6))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rotation = F.normalize(x[:, 3:7], dim=1)
        turn = torch.where(rotation[:, :1] < 0, -x[:, 7:10], x[:, 7:10])
        seen = torch.cat([x[:, :3], rotation, turn, x[:, 10:].abs().sqrt()], 1)
        return F.softsign(self.layers(seen))


ARCHITECTURES = [
    (ResidualImage, (3, 32, 32)),
    (ResidualMlp, (17,)),
    (SimplicialLatent, (24,)),
    (Transformer, (12, 10)),
    (Experts, (12,)),
    (MobileImage, (1, 14, 14)),
    (MixtureDensity, (9,)),
    (Quaternion, (13,)),
]


@pytest.mark.parametrize(
    ("kind", "shape"), ARCHITECTURES, ids=[kind.__name__ for kind, _ in ARCHITECTURES]
)
def test_a_plain_build_acts_within_a_hundredth_of_the_range(
    kind: type[nn.Module], shape: tuple[int, ...], key: Ed25519PrivateKey, tmp_path: Path
) -> None:
    torch.manual_seed(0)
    module = kind().eval()
    obs = np.random.default_rng(1).standard_normal((64, *shape)).astype(np.float32)
    pp.build(module, key=key, out=tmp_path / "p.plasma", golden=obs[:32], low=-1, high=1)
    policy = pe.Policy.load(tmp_path / "p.plasma", trust=public_bytes(key))
    with torch.no_grad():
        expected = module(torch.from_numpy(obs)).numpy()
    found = np.stack([policy(row) for row in obs])
    assert np.sqrt(np.mean((found - expected) ** 2)) <= 0.01 * np.ptp(expected)
