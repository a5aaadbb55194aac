"""Each operator that torch exports, alone in a network, against torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn

from plasma_pack import build
from plasma_pack.importers.onnx.convert import import_onnx
from tests.pack import networks
from tests.pack.networks import EXPORTERS, Function, Only


class Rms(nn.Module):
    """RMS norm as it is written by hand, in three spellings."""

    def __init__(self, spelling: str) -> None:
        super().__init__()
        self.spelling = spelling
        self.gain = nn.Parameter(torch.rand(4) + 0.5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self.spelling == "rsqrt":
            return self.gain * (x * torch.rsqrt(x.pow(2).mean(-1, keepdim=True) + 1e-6))
        if self.spelling == "quotient":
            return x / torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6) * self.gain
        return self.gain * x * torch.rsqrt(1e-6 + x.pow(2).mean(-1, keepdim=True))


UNARY: dict[str, tuple[Function, str | None]] = {
    "abs": (torch.abs, "abs"),
    "erf": (torch.erf, "erf"),
    "exp": (torch.exp, "exp"),
    "gelu": (nn.GELU(), "normalize erf normalize mul"),
    "gelu_tanh": (nn.GELU("tanh"), "mul mul normalize add normalize squash mul"),
    "hardsigmoid": (nn.Hardsigmoid(), "normalize clamp"),
    "hardswish": (nn.Hardswish(), "normalize clamp mul"),
    "mish": (nn.Mish(), "softplus tanh mul"),
    "neg": (torch.neg, "normalize"),
    "reciprocal": (lambda x: 1 / (x.abs() + 1), "abs normalize div"),
    "relu6": (nn.ReLU6(), "clamp"),
    "selu": (nn.SELU(), "elu normalize"),
    "softmax": (nn.Softmax(-1), "softmax"),
    "softplus": (nn.Softplus(), "softplus"),
    "softsign": (nn.Softsign(), "abs normalize div"),
    "sqrt": (lambda x: torch.sqrt(x.abs()), "abs sqrt"),
    "softplus_of_short_reach": (nn.Softplus(threshold=2), None),
    "ceil": (torch.ceil, "round sub select add"),
    "floor": (torch.floor, "round sub select sub"),
    "round": (torch.round, "round"),
    "trunc": (torch.trunc, None),
    "sign": (torch.sign, None),
    "remainder": (lambda x: torch.remainder(x, 0.75), None),
    "fmod": (lambda x: torch.fmod(x, 0.75), None),
    "celu": (nn.CELU(0.7), None),
    "prelu": (nn.PReLU(init=0.3), "mul select"),
    "softshrink": (nn.Softshrink(0.3), None),
    "hardshrink": (nn.Hardshrink(0.3), None),
    "threshold": (nn.Threshold(0.1, -2.0), None),
    "logsigmoid": (nn.LogSigmoid(), None),
    "tanhshrink": (nn.Tanhshrink(), "tanh sub"),
    "where": (lambda x: torch.where(x > 0.2, x, -x), None),
    "guarded log": (lambda x: torch.where(x > 0, torch.log(x), x), None),
    "both": (lambda x: ((x > -1) & (x <= 1)).float(), None),
    "either": (lambda x: (x.abs() >= 2).logical_or(x == 0).float(), None),
    "neither": (lambda x: torch.logical_not((x < 0) ^ (x < 1)).float(), None),
    "masked": (lambda x: x.masked_fill(x < 0, -1.0), None),
    "exponent": (lambda x: 2.0**x, None),
    "fifth root": (lambda x: x.abs() ** 0.2, None),
    "inverse square": (lambda x: (x.abs() + 0.5) ** -2, None),
    "power": (lambda x: x**3, "mul mul"),
    "root": (lambda x: x.abs() ** 0.5, "abs sqrt"),
}


# The older exporter does not know these, or leaves the threshold out.
OF_DYNAMO = ("softplus_of_short_reach", "threshold", "trunc")
BOTH = [
    (name, dynamo) for name in UNARY for dynamo in (False, True) if dynamo or name not in OF_DYNAMO
]


@pytest.mark.parametrize(("name", "dynamo"), BOTH)
def test_a_function_matches_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, name: str
) -> None:
    function, ops = UNARY[name]
    module = Only(function)
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo)
    assert ops is None or " ".join(i.op for i in import_onnx(path).program.instructions) == ops
    obs = 3 * networks.observations(200)
    flown = networks.fly(build(path, key=key, low=-1e4, high=1e4).data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_actions(module, obs), rtol=2e-6, atol=1e-6)


MIXED: dict[str, tuple[Function, str]] = {
    "minmax": (lambda x: torch.maximum(x, torch.minimum(x * 2, x.exp())), "normalize exp min max"),
    "div": (lambda x: x / (x.exp() + 1), "exp normalize div"),
    "part": (lambda x: torch.tanh(x[:, 1:3]), "strided tanh"),
    "picked": (lambda x: torch.tanh(x[:, [3, 1]]), "strided tanh"),
    "halves": (lambda x: torch.sub(*torch.tanh(x).chunk(2, -1)), "tanh strided strided sub"),
    "broadcast": (lambda x: x[:, :1] * x, "strided mul"),
    "one to many": (
        lambda x: torch.tanh(x[:, :1] * torch.arange(9.0)),
        "strided normalize tanh",
    ),
    "shapes": (lambda x: torch.tanh(x.reshape(2, 2).unsqueeze(0).flatten(1)), "tanh"),
}


@EXPORTERS
@pytest.mark.parametrize("name", MIXED)
def test_parts_and_pairs_match_torch(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, name: str
) -> None:
    function, ops = MIXED[name]
    module = Only(function)
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo)
    assert " ".join(i.op for i in import_onnx(path).program.instructions) == ops
    obs = networks.observations(50)
    flown = networks.fly(build(path, key=key, low=-1e4, high=1e4).data, trust, obs)
    expected = np.concatenate([networks.torch_actions(module, row[None]) for row in obs])
    np.testing.assert_allclose(flown, expected, rtol=2e-6, atol=1e-6)


@EXPORTERS
@pytest.mark.parametrize("spelling", ["rsqrt", "quotient", "gain first"])
def test_an_rms_norm_is_one_instruction(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, dynamo: bool, spelling: str
) -> None:
    module = Rms(spelling)
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=dynamo)
    is_one = [i.op for i in import_onnx(path).program.instructions] == ["rms_norm"]
    assert is_one is (spelling != "gain first")  # (gain · x) is not what the mean is of
    obs = networks.observations(50)
    flown = networks.fly(build(path, key=key, low=-9, high=9).data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_actions(module, obs), atol=1e-6)


def test_an_rms_norm_of_weights_is_evaluated(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    class Gained(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.norm = Rms("quotient")
            self.gain = nn.Parameter(torch.rand(1, 4))

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return torch.tanh(obs * self.norm(self.gain))

    module = Gained()
    path = networks.export(
        module, (torch.zeros(1, 4),), tmp_path / "net.onnx", do_constant_folding=False
    )
    obs = networks.observations(20)
    flown = networks.fly(build(path, key=key).data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_actions(module, obs), atol=1e-6)


@pytest.mark.parametrize("affine", [True, False])
def test_the_rms_norm_of_torch_is_one_instruction(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, affine: bool
) -> None:
    module = nn.RMSNorm(4, elementwise_affine=affine)  # only the newer exporter knows it
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx", dynamo=True)
    assert [i.op for i in import_onnx(path).program.instructions] == ["rms_norm"]
    obs = networks.observations(50)
    flown = networks.fly(build(path, key=key, low=-9, high=9).data, trust, obs)
    np.testing.assert_allclose(flown, networks.torch_actions(module, obs), atol=1e-6)


@pytest.mark.parametrize("centred", [False, True])
def test_a_norm_along_another_axis_is_of_columns(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes, centred: bool
) -> None:
    def function(x: torch.Tensor) -> torch.Tensor:
        x = x.reshape(1, 2, 4)
        x = x - x.mean(1, keepdim=True) if centred else x
        return (x * torch.rsqrt(x.pow(2).mean(1, keepdim=True) + 1e-6)).flatten(1)

    module = Only(function)
    path = networks.export(module, (torch.zeros(1, 8),), tmp_path / "net.onnx")
    obs = networks.observations(50, 8)
    flown = networks.fly(build(path, key=key, low=-9, high=9).data, trust, obs)
    expected = np.concatenate([networks.torch_actions(module, row[None]) for row in obs])
    np.testing.assert_allclose(flown, expected, atol=1e-6)
