"""Layers are raised where int8 costs more than it may, and nowhere else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from gymnasium.envs.registration import EnvSpec
from torch import nn

import plasma_edge as pe
from plasma_edge._episodes import fly
from plasma_pack import OptionError, SourceError, assemble, build, open_packet
from plasma_pack.packet.packet import Packet
from plasma_pack.program.decode import decode
from plasma_pack.program.program import Storage
from plasma_pack.quantizer import WeightOptions, quantized
from tests.pack import networks

WITHOUT_EXTRA = EnvSpec("WithoutItsExtra-v0", entry_point="no_such_extra:Env")

SAMPLER = """
input  obs f32[2,2,1]
output act f32[2]
const  k   f32[2,2,2,1] = 1 2 3 4  5 6 7 8
const  w   f32[2,2] = 1 2 3 4
arena  c   f32[1,1,2]
arena  m   f32[2]
arena  e   f32[2]
      conv2d c, obs, k, 1, 1, 0, 0, 0, 0, 1, 1
head: linear m, c, w
      normal e
      add act, m, e
"""


class Balance(nn.Module):
    """CartPole's cart pushed to where the pole falls, hidden under the cart's position: a row of int8
    that holds 1 has no room for 0.003. obs [B, 4] → left or right.
    """

    def __init__(self) -> None:
        super().__init__()
        self.mixed, self.apart = nn.Linear(4, 2, bias=False), nn.Linear(2, 1, bias=False)
        self.sides = nn.Linear(1, 2, bias=False)
        fall = torch.tensor([0, 0.0008, 0.003, 0.003])
        position = torch.tensor([1.0, 0, 0, 0])
        self.mixed.weight.data = torch.stack([fall + position, position])
        self.apart.weight.data = torch.tensor([[1.0, -1]])
        self.sides.weight.data = torch.tensor([[-1.0], [1]])

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.sides(self.apart(self.mixed(obs))).argmax(-1)


def balance_onnx(folder: Path) -> Path:
    return networks.export(Balance(), (torch.zeros(1, 4),), folder / "balance.onnx")


def mlp(folder: Path, width: int = 32) -> Path:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, width), nn.Tanh(), nn.Linear(width, 2), nn.Tanh())
    return networks.export(module, (torch.zeros(1, 4),), folder / "mlp.onnx")


def precisions(packet: Packet) -> dict[str, str]:
    return {row["layer"]: row["precision"] for row in packet.report["layers"]}


def returns(packet: Packet, trust: bytes, env_id: str) -> list[float]:
    policy = pe.Policy.load(packet.data, trust=trust)
    with gymnasium.make(env_id) as env:
        return [fly(policy, env, seed) for seed in range(5)]


def unnormalised(count: int = 300) -> np.ndarray:
    """Observations whose last element is a thousand times the others."""
    return networks.observations(count) * np.array([1, 1, 1, 1000], np.float32)


def mlp_that_ignores_the_last(folder: Path) -> Path:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    module[0].weight.data[:, 3] = 0
    return networks.export(module, (torch.zeros(1, 4),), folder / "mlp.onnx")


def wide(folder: Path) -> Path:
    """No layer of it is small."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh())
    return networks.export(module, (torch.zeros(1, 4),), folder / "wide.onnx")


def test_where_int8_suffices_it_costs_nothing(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path = wide(tmp_path)
    packet = build(path, key=key)
    assert packet.data == build(path, key=key, weights="int8").data
    assert precisions(packet) == {"0": "int8", "2": "int8"}
    (output,) = packet.report["outputs"]
    assert 0 < output["error"] == output["error_all_int8"] < output["limit"] == 0.0075


def test_a_head_that_costs_next_to_nothing_is_f16_though_int8_would_do(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    path = mlp(tmp_path)
    packet, small = build(path, key=key), build(path, key=key, weights="int8")
    assert precisions(packet) == {"0": "int8", "2": "f16"}
    (output,) = packet.report["outputs"]
    assert output["error"] < 0.8 * output["error_all_int8"] < output["limit"]
    assert packet.certificate.cost_units <= small.certificate.cost_units
    assert packet.certificate.const_bytes <= small.certificate.const_bytes + 64


def test_the_layer_that_int8_spoils_is_raised_and_no_other(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    path, obs = mlp_that_ignores_the_last(tmp_path), unnormalised()
    packet = build(path, key=key, calibration=obs)
    assert precisions(packet) == {"0": "f16", "2": "int8"}
    (output,) = packet.report["outputs"]
    assert output["error"] < 0.01 < 0.1 < output["error_all_int8"]
    exact = networks.fly(build(path, key=key, weights="f32").data, trust, obs)
    error = np.sqrt(
        np.mean(((networks.fly(packet.data, trust, obs) - exact) / np.ptp(exact, 0)) ** 2)
    )
    assert error == pytest.approx(output["error"], rel=1e-5)


def test_the_same_policy_on_other_observations_stays_in_int8(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    packet = build(mlp_that_ignores_the_last(tmp_path), key=key, golden=networks.observations(300))
    assert set(precisions(packet).values()) == {"int8"}


def test_golden_observations_are_measured_on_too(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    packet = build(mlp_that_ignores_the_last(tmp_path), key=key, golden=unnormalised())
    assert precisions(packet)["0"] == "f16"


@pytest.mark.parametrize(("limit", "kinds"), [(0.5, {"int8"}), (1e-4, {"f16"}), (0.0, {"f32"})])
def test_a_tighter_limit_takes_more(
    tmp_path: Path, key: Ed25519PrivateKey, limit: float, kinds: set[str]
) -> None:
    packet = build(wide(tmp_path), key=key, max_error=limit)
    assert set(precisions(packet).values()) == kinds
    assert packet.report["outputs"][0]["error"] <= limit


def test_between_two_limits_the_dearer_layer_stays_in_int8(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    """The last layer causes as much of the error as the one before it, with a sixteenth of its weights."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Linear(4, 32), nn.Tanh(), nn.Linear(32, 32), nn.Tanh(), nn.Linear(32, 2)
    )
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    plain = build(path, key=key, low=-1, high=1)
    limit = 0.8 * plain.report["outputs"][0]["error_all_int8"]
    packet = build(path, key=key, low=-1, high=1, max_error=limit)
    assert precisions(packet)["2"] == "int8"
    assert "f16" in precisions(packet).values()
    assert packet.report["outputs"][0]["error"] <= limit


def test_a_weight_that_f16_cannot_hold_is_f32(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    module = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2), nn.Tanh())
    module[0].weight.data[0, 3] = 1e5
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    obs = networks.observations(300) * np.array([1, 1, 1, 1e-5], np.float32)
    assert precisions(build(path, key=key, calibration=obs, max_error=1e-3))["0"] == "f32"


def test_a_convolution_is_raised_to_a_linear_over_its_windows(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 3, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(48, 2))
    path = networks.export(module, (torch.zeros(1, 2, 4, 4),), tmp_path / "net.onnx")
    packet = build(path, key=key, low=-1, high=1, max_error=1e-4)
    assert precisions(packet) == {"0": "f16", "3": "f16"}
    opened = open_packet(packet.data)
    program = decode(opened.sections, opened.slot_names)
    assert [i.op for i in program.instructions][-6:-2] == ["concat", "gather", "concat", "linear"]
    assert [program.instructions[slot.instruction].op for slot in program.slots] == ["linear"]
    assert packet.slots == ("3",)


def test_a_policy_that_draws_keeps_its_draws_while_it_is_measured(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    """Raising the convolution would move the instruction that draws, and so what it draws."""
    program = assemble(SAMPLER).program
    unplaced = replace(program, tensors=tuple(replace(t, offset=None) for t in program.tensors))
    choice = quantized(unplaced, WeightOptions())
    assert [row["layer"] for row in choice.report["layers"]] == ["head"]
    assert [i.op for i in choice.program.instructions] == ["conv2d", "linear", "normal", "add"]
    assert choice.report["outputs"][0]["error"] < 0.01


@pytest.mark.parametrize(
    ("ahead", "count", "kind"), [(0.0, 1, "int8"), (9.0, 1, "f16"), (9.0, 2, "f16")]
)
def test_a_choice_that_drawn_observations_do_not_change_keeps_f16(
    ahead: float, count: int, kind: str, tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    """Its int8 is the same choice on all of them too, which tells nothing of those it will see."""

    class Ahead(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 2)
            self.layer.weight.data = torch.tensor([[1.0, 0, 0, 0], [0, 1, 0, 0]])
            self.layer.bias.data = torch.tensor([ahead, 0])

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            chosen = self.layer(obs).argmax(-1)
            return chosen if count == 1 else torch.stack([chosen, obs[:, 3] > 0], -1).float()

    path = networks.export(Ahead(), (torch.zeros(1, 4),), tmp_path / "net.onnx")
    limits = {} if count == 1 else {"low": 0, "high": 1}
    packet = build(path, key=key, **limits)
    assert packet.report["telling"] is (kind == "int8")
    assert precisions(packet) == {"layer": kind}
    told = build(path, key=key, calibration=networks.observations(300), **limits)
    assert precisions(told) == {"layer": "int8"}


def test_an_action_at_its_limit_on_all_drawn_observations_keeps_f16(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    class Full(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 64)
            self.layer.bias.data.fill_(99)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return 0.4 * torch.tanh(self.layer(obs))

    path = networks.export(Full(), (torch.zeros(1, 4),), tmp_path / "net.onnx")
    packet = build(path, key=key)
    assert packet.report["telling"] is False
    assert precisions(packet) == {"layer": "f16"}


def test_a_table_is_a_layer(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    class Lookup(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = nn.Embedding(6, 40)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.table(obs.long()).sum(1))

    torch.manual_seed(0)
    path = networks.export(Lookup(), (torch.zeros(1, 2),), tmp_path / "net.onnx")
    obs = np.random.default_rng(0).integers(0, 6, (64, 2)).astype(np.float32)
    coarse, fine = (
        build(path, key=key, calibration=obs, golden=obs, max_error=limit) for limit in (0.1, 1e-3)
    )
    dtypes = [
        [t.dtype.text for t in decode(open_packet(p.data).sections).select(Storage.CONST)]
        for p in (coarse, fine)
    ]
    assert "i8" in dtypes[0] and "f16" not in dtypes[0]
    assert "f16" in dtypes[1] and "i8" not in dtypes[1]


# ---- closed loop


def test_a_spoilt_balance_is_found_and_its_return_held(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    path = balance_onnx(tmp_path)
    spoilt = build(path, key=key, weights="int8")
    packet = build(path, key=key, env="CartPole-v1")
    assert precisions(packet) == {"mixed": "f16", "apart": "f16", "sides": "int8"}
    (output,) = packet.report["outputs"]
    assert output["measure"] == "choices that differ"
    assert output["error"] <= 0.005 < 0.2 < output["error_all_int8"]
    assert packet.report["observations"] == 1024
    assert np.mean(returns(spoilt, trust, "CartPole-v1")) < 100
    exact = returns(build(path, key=key, weights="f32"), trust, "CartPole-v1")
    assert np.mean(exact) > 400
    assert returns(packet, trust, "CartPole-v1") == exact


def test_what_was_flown_gives_the_same_bytes_again(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    path = balance_onnx(tmp_path)
    assert (
        build(path, key=key, env="CartPole-v1").data == build(path, key=key, env="CartPole-v1").data
    )


def test_a_continuous_policy_keeps_its_return(
    tmp_path: Path, key: Ed25519PrivateKey, trust: bytes
) -> None:
    """A pendulum held by angle and speed, with the speed in a unit a thousand times too small."""

    class Hold(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.gains = nn.Linear(4, 1, bias=False)
            self.gains.weight.data = torch.tensor([[0.0, -8.0, -1e-3, 0.0]])

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            fast = obs[:, 2:3] * 1000
            return 2 * torch.tanh(self.gains(torch.cat([obs[:, :2], fast, fast * 0], 1)))

    path = networks.export(Hold(), (torch.zeros(1, 3),), tmp_path / "hold.onnx")
    packet = build(path, key=key, env="Pendulum-v1")
    assert precisions(packet) == {"gains": "f16"}
    exact = returns(build(path, key=key, weights="f32"), trust, "Pendulum-v1")
    assert returns(packet, trust, "Pendulum-v1") == pytest.approx(exact, rel=0.02)


# ---- refusals


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"weights": "int4"}, OptionError, "found 'int4', expected one of auto, int8, f16, f32"),
        ({"max_error": -0.1}, OptionError, "max_error: found -0.1, expected at least 0"),
        ({"max_error": 1.0}, OptionError, "below 1"),
        ({"weights": "f16", "max_error": 0.1}, OptionError, "leave them out"),
        ({"weights": "int8", "env": "CartPole-v1"}, OptionError, "leave them out"),
        ({"weights": "f32", "calibration": np.zeros((3, 4))}, OptionError, "leave them out"),
        (
            {"env": "CartPole-v1", "calibration": np.zeros((3, 4))},
            OptionError,
            "measured on one",
        ),
        (
            {"calibration": np.zeros((3, 5))},
            OptionError,
            r"calibration: .* expected finite \[N, 4\]",
        ),
        ({"env": "Nowhere-v0"}, pe.UsageError, "cannot make environment 'Nowhere-v0'"),
        ({"env": "Pendulum-v1"}, pe.UsageError, r"takes actions Box.* found .* of float32\[2\]"),
        ({"env": "CartPole-v1"}, pe.UsageError, r"takes actions Discrete\(2\), found an output"),
        (
            {"env": WITHOUT_EXTRA.id},
            pe.UsageError,
            "cannot make environment",
        ),
    ],
)
def test_what_cannot_be_measured_is_refused(
    tmp_path: Path,
    key: Ed25519PrivateKey,
    monkeypatch: pytest.MonkeyPatch,
    options: dict[str, Any],
    error: type,
    words: str,
) -> None:
    monkeypatch.setitem(gymnasium.registry, WITHOUT_EXTRA.id, WITHOUT_EXTRA)
    with pytest.raises(error, match=words):
        build(mlp(tmp_path), key=key, **options)


def test_an_environment_needs_gymnasium_and_says_so(
    tmp_path: Path, key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "gymnasium", None)
    with pytest.raises(pe.UsageError, match=r"pip install 'plasma-edge\[gym\]'"):
        build(mlp(tmp_path), key=key, env="CartPole-v1")


def test_a_network_without_finite_actions_is_refused(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    module = nn.Sequential(nn.Linear(4, 4), nn.Linear(4, 2))
    for layer in module:
        layer.weight.data.fill_(1e30)
    path = networks.export(module, (torch.zeros(1, 4),), tmp_path / "net.onnx")
    with pytest.raises(SourceError, match="NaN or infinity on every observation it is measured on"):
        build(path, key=key, low=-1, high=1)


def test_an_observation_on_which_float_is_faulty_too_does_not_count(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    class Root(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.head = nn.Linear(4, 2)

        def forward(self, obs: torch.Tensor) -> torch.Tensor:
            return torch.tanh(self.head(torch.sqrt(obs)))

    torch.manual_seed(0)
    path = networks.export(Root(), (torch.ones(1, 4),), tmp_path / "net.onnx")
    good = np.abs(networks.observations(300))
    some = np.concatenate([good, -good])
    packets = [build(path, key=key, calibration=obs, golden=good) for obs in (good, some)]
    assert packets[0].report["outputs"] == packets[1].report["outputs"]
    with pytest.raises(SourceError, match="every observation"):
        build(path, key=key, calibration=-good, golden=good)


def test_observations_of_another_environment_are_refused(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    with pytest.raises(OptionError, match="found 6 numbers for input 'obs', expected 4"):
        build(balance_onnx(tmp_path), key=key, env="Acrobot-v1")


def test_of_several_outputs_the_only_actuator_acts(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    class Critic(Balance):
        def forward(self, obs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return super().forward(obs), self.mixed(obs)

    names = {"output_names": ["action", "value"]}
    path = networks.export(Critic(), (torch.zeros(1, 4),), tmp_path / "critic.onnx", **names)
    packet = build(path, key=key, env="CartPole-v1", actuators=["action"])
    assert [output["name"] for output in packet.report["outputs"]] == ["action", "value"]
    with pytest.raises(pe.UsageError, match="build the packet with one actuator"):
        build(path, key=key, env="CartPole-v1", low={"value": -1}, high={"value": 1})


def test_a_policy_too_large_to_run_in_float_is_not_measured(
    tmp_path: Path, key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plasma_pack.quantizer.MAX_FILE_BYTES", 500)
    path = mlp(tmp_path)
    with pytest.raises(OptionError, match=r"has 904 bytes, too many .* pass weights='int8'"):
        build(path, key=key)
    assert build(path, key=key, weights="int8").report == {}
