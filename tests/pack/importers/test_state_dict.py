"""state_dicts: networks of the shapes that CleanRL's scripts have, saved as those save them, against
what the networks themselves give; and others with a description.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from torch import nn
from torch.nn import functional as F  # noqa: N812

import plasma_edge as pe
import plasma_pack as pp
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.packet.keys import public_bytes

Key = Ed25519PrivateKey
OBSERVATIONS = np.random.default_rng(0).standard_normal((60, 6)).astype(np.float32)


def mlp(*sizes: int, activation: type[nn.Module]) -> nn.Sequential:
    layers: list[nn.Module] = []
    for a, b in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(a, b), activation()]
    return nn.Sequential(*layers[:-1])


class Ppo(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.critic = mlp(6, 16, 16, 1, activation=nn.Tanh)
        self.actor = mlp(6, 16, 16, 4, activation=nn.Tanh)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.actor(x).argmax(1)


class PpoContinuous(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.critic = mlp(6, 16, 16, 1, activation=nn.Tanh)
        self.actor_mean = mlp(6, 16, 16, 3, activation=nn.Tanh)
        self.actor_logstd = nn.Parameter(torch.zeros(1, 3))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.actor_mean(x).clamp(-1, 1)


class Dqn(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.network = mlp(6, 20, 14, 4, activation=nn.ReLU)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.network(x).argmax(1)


class C51(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("atoms", torch.linspace(-10, 10, 21))
        self.network = mlp(6, 20, 14, 4 * 21, activation=nn.ReLU)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        shares = torch.softmax(self.network(x).view(len(x), 4, 21), 2)
        return (shares * self.atoms).sum(2).argmax(1)


class Squashed(nn.Module):
    """SAC's actor, or that of TD3 and DDPG."""

    def __init__(self, head: str) -> None:
        super().__init__()
        self.fc1, self.fc2, self.head = nn.Linear(6, 16), nn.Linear(16, 16), head
        setattr(self, head, nn.Linear(16, 2))
        if head == "fc_mean":
            self.fc_logstd = nn.Linear(16, 2)
        self.register_buffer("action_scale", torch.tensor([2.0, 0.5]))
        self.register_buffer("action_bias", torch.tensor([1.0, 0.0]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = F.relu(self.fc2(F.relu(self.fc1(x))))
        return torch.tanh(getattr(self, self.head)(x)) * self.action_scale + self.action_bias


class Atari(nn.Module):
    def __init__(self, *, has_actor: bool) -> None:
        super().__init__()
        layers = [
            *(nn.Conv2d(4, 32, 8, stride=4), nn.ReLU(), nn.Conv2d(32, 64, 4, stride=2), nn.ReLU()),
            *(nn.Conv2d(64, 64, 3), nn.ReLU(), nn.Flatten(), nn.Linear(3136, 512), nn.ReLU()),
        ]
        self.actor = nn.Linear(512, 6) if has_actor else None
        self.network = nn.Sequential(*layers, *([] if has_actor else [nn.Linear(512, 6)]))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.network(x / 255)
        return (self.actor(y) if self.actor else y).argmax(1)


def actions(module: nn.Module, observations: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module(torch.from_numpy(observations)).numpy()


def load(key: Key, folder: Path, source: Path, **options: Any) -> pe.Policy:
    pp.build(source, key=key, out=folder / "p.plasma", weights="f32", **options)
    return pe.Policy.load(folder / "p.plasma", trust=public_bytes(key))


def flown(policy: pe.Policy, observations: np.ndarray) -> np.ndarray:
    return np.stack([policy(row) for row in observations])


@pytest.mark.parametrize("form", ["alone", "with args", "safetensors"])
@pytest.mark.parametrize("kind", [Ppo, Dqn, C51])
def test_a_choice_is_cleanrls(kind: Any, form: str, key: Key, tmp_path: Path) -> None:
    torch.manual_seed(1)
    module, path = kind(), tmp_path / "agent.cleanrl_model"
    state = module.state_dict()
    if form == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save(
            {"model_weights": state, "args": {"v_min": -10}} if form[0] == "w" else state, path
        )
    found = flown(load(key, tmp_path, path), OBSERVATIONS)
    assert np.array_equal(found, actions(module, OBSERVATIONS))


def test_the_mean_of_ppo_is_cleanrls(key: Key, tmp_path: Path) -> None:
    torch.manual_seed(1)
    module = PpoContinuous()
    torch.save(module.state_dict(), tmp_path / "agent.pth")
    policy = load(key, tmp_path, tmp_path / "agent.pth", low=-1, high=1)
    np.testing.assert_allclose(
        flown(policy, OBSERVATIONS), actions(module, OBSERVATIONS), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("head", ["fc_mean", "fc_mu"])
def test_an_actor_with_its_critics_keeps_its_bounds(head: str, key: Key, tmp_path: Path) -> None:
    torch.manual_seed(1)
    actor, critic = Squashed(head), nn.Linear(8, 1)
    torch.save((actor.state_dict(), critic.state_dict()), tmp_path / "actor.pth")
    policy = load(key, tmp_path, tmp_path / "actor.pth")
    assert (policy.outputs[0].low, policy.outputs[0].high) == (-1.0, 3.0)
    np.testing.assert_allclose(
        flown(policy, OBSERVATIONS), actions(actor, OBSERVATIONS), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("has_actor", [True, False], ids=["ppo", "dqn"])
def test_pictures_are_taken_as_ataris_wrappers_give_them(
    has_actor: bool, key: Key, tmp_path: Path
) -> None:
    torch.manual_seed(1)
    module = Atari(has_actor=has_actor)
    torch.save(module.state_dict(), tmp_path / "agent.pth")
    policy = load(key, tmp_path, tmp_path / "agent.pth", max_adapters=0)
    pictures = np.random.default_rng(0).integers(0, 256, (3, 4, 84, 84)).astype(np.float32)
    assert np.array_equal(flown(policy, pictures), actions(module, pictures))


def test_a_description_says_what_acts(key: Key, tmp_path: Path) -> None:
    torch.manual_seed(1)
    body, head = mlp(6, 10, 8, activation=nn.ELU), nn.Linear(8, 2)
    state = {f"body.{k}": v for k, v in body.state_dict().items()}
    state |= {f"head.{k}": v for k, v in head.state_dict().items()}
    torch.save(state, tmp_path / "agent.pth")
    mean, std = np.linspace(-1, 1, 6), np.linspace(1, 3, 6)
    network = {
        "layers": ["body.0", "elu", "body.2", "Tanh", "head"],
        "action": "continuous",
        **{"mean": mean.tolist(), "std": std.tolist(), "clip": 2},
    }
    (tmp_path / "network.json").write_text(json.dumps(network))
    policy = load(
        key, tmp_path, tmp_path / "agent.pth", low=-9, high=9, network=tmp_path / "network.json"
    )
    seen = np.clip((OBSERVATIONS - mean) / std, -2, 2).astype(np.float32)
    expected = actions(nn.Sequential(body, nn.Tanh(), head), seen)
    np.testing.assert_allclose(flown(policy, OBSERVATIONS), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("network", "message"),
    [
        ({"action": "discrete"}, "expected an object of layers, action, shape"),
        ({"layers": ["a"], "action": "best"}, "found action 'best', expected one of continuous"),
        ({"layers": ["a"], "action": "discrete", "scale": 2}, "found scale, expected layers"),
        ({"layers": [{"conv": "a"}], "action": "discrete"}, "an image needs shape"),
        ({"layers": [{"pool": "a"}], "action": "tanh", "shape": [1, 2, 2]}, "found {'pool': 'a'}"),
        ({"layers": ["fc1"], "action": "tanh", "mean": [1, 2]}, "mean or std is not of shape"),
        ({"layers": ["fc1"], "action": "tanh", "mean": "low"}, "an entry is not of its kind"),
        ({"layers": ["fc1"], "action": "tanh", "std": 0}, "expected numbers above 0"),
        ({"layers": ["fc1"], "action": "tanh", "shape": [0, 6]}, "expected sizes from 1 on"),
        ({"layers": 7, "action": "tanh"}, "an entry is not of its kind"),
        ({"layers": [7], "action": "tanh", "shape": [6]}, "found layer 7, expected a name"),
        (
            {"layers": [{"conv": "a", "stride": "2"}], "action": "tanh", "shape": [1, 2, 2]},
            "found stride '2', expected a whole number",
        ),
    ],
)
def test_a_description_that_makes_no_sense_is_refused(
    network: dict[str, Any], message: str, key: Key, tmp_path: Path
) -> None:
    torch.save(Squashed("fc_mu").state_dict(), tmp_path / "agent.pth")
    with pytest.raises(OptionError, match=message):
        pp.build(tmp_path / "agent.pth", key=key, network=network)


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        (["fc9"], "found nothing as 'fc9.weight'"),
        (["fc1", "fc_mu", "fc2"], "fc2 takes 16 values, found 2"),
        (["fc1", "swiglu"], "found nothing as 'swiglu.weight'"),
    ],
)
def test_a_layer_that_does_not_fit_is_named(
    layers: list[str], message: str, key: Key, tmp_path: Path
) -> None:
    torch.save(Squashed("fc_mu").state_dict(), tmp_path / "agent.pth")
    with pytest.raises(SourceError, match=message):
        pp.build(tmp_path / "agent.pth", key=key, network={"layers": layers, "action": "discrete"})


@pytest.mark.parametrize("name", ["\x7f", "first", "9" * 5000])
def test_a_layer_without_a_number_is_none_of_cleanrls(name: str, key: Key, tmp_path: Path) -> None:
    weights = Ppo().state_dict()
    weights[f"actor.{name}.weight"] = weights.pop("actor.2.weight")
    torch.save(weights, tmp_path / "agent.pth")
    with pytest.raises(SourceError, match="found nothing as 'actor.2.weight'"):
        pp.build(tmp_path / "agent.pth", key=key)


def test_weights_of_nobodys_network_say_what_to_do(key: Key, tmp_path: Path) -> None:
    torch.save(nn.Linear(3, 2).state_dict(), tmp_path / "agent.pth")
    with pytest.raises(SourceError, match="no script of CleanRL has; say which of them act"):
        pp.build(tmp_path / "agent.pth", key=key)


@pytest.mark.parametrize("saved", ["module", "checkpoint"])
def test_what_else_torch_saves_is_refused_with_advice(saved: str, key: Key, tmp_path: Path) -> None:
    network = nn.Linear(3, 2)
    what = network if saved == "module" else {"model": network.state_dict(), "epoch": 3}
    torch.save(what, tmp_path / "agent.pth")
    with pytest.raises(SourceError, match="a state_dict is taken: torch.save"):
        pp.build(tmp_path / "agent.pth", key=key)


def test_a_safetensors_file_that_is_cut_off_is_refused(key: Key, tmp_path: Path) -> None:
    data = safetensors.torch.save(Dqn().state_dict())
    with pytest.raises(SourceError, match="not a whole safetensors file"):
        pp.build(data[:-9], key=key)
