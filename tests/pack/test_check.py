"""check: the packet's return against its source's, on the same episodes."""

from __future__ import annotations

from pathlib import Path

import gymnasium
import numpy as np
import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stable_baselines3 import PPO

import plasma_edge as pe
from plasma_pack import LimitsError, OptionError, build
from plasma_pack.check import _compare, check
from tests.pack import networks
from tests.pack.importers.sb3.agents import Nowhere, box, saved, shaken
from tests.pack.test_quantizer import balance_onnx


@pytest.fixture(scope="module")
def balance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return balance_onnx(tmp_path_factory.mktemp("balance"))


def test_a_packet_that_lost_its_return_is_found(balance: Path, key: Ed25519PrivateKey) -> None:
    spoilt = build(balance, key=key, weights="int8").data
    facts = check(spoilt, balance, "CartPole-v1", episodes=5)
    assert facts["holds"] is False
    assert facts["difference"]["high"] < -100
    assert facts["packet"]["mean"] < 100 < facts["source"]["mean"]
    measured = build(balance, key=key, env="CartPole-v1").data
    assert check(measured, balance, "CartPole-v1", episodes=5)["holds"] is True


def test_the_same_seeds_give_the_same_facts(balance: Path, key: Ed25519PrivateKey) -> None:
    spoilt = build(balance, key=key, weights="int8").data
    first, again, other = (
        check(spoilt, balance, "CartPole-v1", episodes=3, seed=seed) for seed in (0, 0, 50)
    )
    assert first == again
    assert first["packet"] != other["packet"]


def test_the_source_flies_within_the_packet_s_limits(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    """An unlimited policy, packed with a motor too weak to hold the pendulum up."""
    module = torch.nn.Linear(3, 1, bias=False)
    module.weight.data = torch.tensor([[0.0, -8.0, -1.0]])
    path = networks.export(module, (torch.zeros(1, 3),), tmp_path / "hold.onnx")
    packet = build(path, key=key, low=-0.1, high=0.1, env="Pendulum-v1").data
    facts = check(packet, path, "Pendulum-v1", episodes=5)
    assert facts["holds"] is True
    assert abs(facts["difference"]["mean"]) < 0.02 * abs(facts["source"]["mean"])
    with pytest.raises(LimitsError):
        build(path, key=key)  # it has none of its own


def test_a_recurrent_source_needs_its_states(tmp_path: Path, key: Ed25519PrivateKey) -> None:
    """Those of a plain cell that the exporter wrote out; of GRU and LSTM cells they are found."""

    class Memory(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.cell, self.head = torch.nn.RNNCell(4, 5), torch.nn.Linear(5, 2)

        def forward(self, obs: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            h = self.cell(obs, h)
            return self.head(h).argmax(-1), h

    torch.manual_seed(0)
    args = (torch.zeros(1, 4), torch.zeros(1, 5))
    path = networks.export(Memory(), args, tmp_path / "memory.onnx")
    states = {"h": "h_next"}
    packet = build(path, key=key, states=states).data
    facts = check(packet, path, "CartPole-v1", episodes=5, states=states)
    assert facts["holds"] is True
    assert facts["source"]["max"] < 500  # it really flew
    with pytest.raises(OptionError, match=r"the source .*'h'.* pass .* states="):
        check(packet, path, "CartPole-v1", episodes=5)


@pytest.mark.parametrize(
    ("loss", "spread", "holds"),
    [
        (0.0, 5.0, True),
        (1.5, 0.1, True),  # certain, but less than 2 %
        (10.0, 0.1, False),
        (10.0, 200.0, True),  # may be luck
        (-10.0, 0.1, True),
    ],
)
def test_a_loss_counts_when_it_is_neither_small_nor_luck(
    loss: float, spread: float, holds: bool
) -> None:
    generator = np.random.default_rng(0)
    source = 100 + generator.standard_normal(20)
    packet = source - loss + spread * generator.standard_normal(20)
    facts = _compare(source, packet)
    assert facts["holds"] is holds
    assert facts["difference"]["low"] <= facts["difference"]["mean"] <= facts["difference"]["high"]


def test_the_interval_covers_the_mean_nineteen_times_in_twenty() -> None:
    generator = np.random.default_rng(0)
    zeros = np.zeros(30)
    found = [_compare(zeros, generator.standard_normal(30))["difference"] for _ in range(60)]
    covered = np.mean([one["low"] <= 0 <= one["high"] for one in found])
    assert 0.88 <= covered <= 0.99


def test_what_cannot_be_compared_is_refused(
    balance: Path, mlp_onnx: Path, key: Ed25519PrivateKey
) -> None:
    packet = build(balance, key=key, weights="int8").data
    with pytest.raises(OptionError, match="episodes: found 1, expected at least 2"):
        check(packet, balance, "CartPole-v1", episodes=1)
    with pytest.raises(pe.UsageError, match="cannot make environment 'Nowhere-v0'"):
        check(packet, balance, "Nowhere-v0")


def test_an_environment_needs_gymnasium_and_says_so(
    balance: Path, key: Ed25519PrivateKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    packet = build(balance, key=key, weights="int8").data
    monkeypatch.setitem(__import__("sys").modules, "gymnasium", None)
    with pytest.raises(pe.UsageError, match=r"pip install 'plasma-edge\[gym\]'"):
        check(packet, balance, "CartPole-v1")


def test_a_source_of_stable_baselines3_is_compiled_as_the_packet_was(
    tmp_path: Path, key: Ed25519PrivateKey
) -> None:
    torch.manual_seed(0)
    frames = Nowhere(box(8), gymnasium.spaces.Discrete(2))
    source = saved(shaken(PPO("MlpPolicy", frames, device="cpu")), tmp_path)
    packet = build(source, key=key, frame_stack=2, env="CartPole-v1")
    assert packet.report["observations"] == 1024
    facts = check(packet.data, source, "CartPole-v1", episodes=5, frame_stack=2)
    assert facts["holds"] is True
    with pytest.raises(OptionError, match="frame_stack"):
        check(packet.data, source, "CartPole-v1", episodes=5)
