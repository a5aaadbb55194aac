"""Every algorithm, saved and packed as it is, acts as its own `predict(deterministic=True)`."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import pytest
import sb3_contrib as contrib
import stable_baselines3 as sb3
import torch

import plasma_pack as pp
from plasma_pack import SourceError
from plasma_pack.compiler.activations import TORCH
from plasma_pack.packet.keys import Key

from . import agents
from .agents import Nowhere, box

MOTORS = gym.spaces.Box(np.float32([-2, 0, -1]), np.float32([2, 1, 5]))
CHOICES = gym.spaces.Discrete(4)
SMALL = {"net_arch": [32, 32]}


def _recurrent(**options: Any) -> dict[str, Any]:
    return {"policy_kwargs": {"lstm_hidden_size": 16, **options}}


ALGORITHMS = {
    "PPO": (sb3.PPO, "MlpPolicy", MOTORS, {}),
    "PPO choices": (sb3.PPO, "MlpPolicy", CHOICES, {}),
    "PPO with gSDE, squashed": (
        sb3.PPO,
        "MlpPolicy",
        MOTORS,
        {"use_sde": True, "policy_kwargs": {"squash_output": True}},
    ),
    "A2C": (sb3.A2C, "MlpPolicy", MOTORS, {}),
    "SAC": (sb3.SAC, "MlpPolicy", MOTORS, {"policy_kwargs": SMALL}),
    "SAC with gSDE": (sb3.SAC, "MlpPolicy", MOTORS, {"use_sde": True, "policy_kwargs": SMALL}),
    "TD3": (sb3.TD3, "MlpPolicy", MOTORS, {"policy_kwargs": SMALL}),
    "DDPG": (sb3.DDPG, "MlpPolicy", MOTORS, {"policy_kwargs": SMALL}),
    "DQN": (sb3.DQN, "MlpPolicy", CHOICES, {}),
    "QRDQN": (contrib.QRDQN, "MlpPolicy", CHOICES, {"policy_kwargs": {"n_quantiles": 7}}),
    "TQC": (contrib.TQC, "MlpPolicy", MOTORS, {"policy_kwargs": SMALL}),
    "CrossQ": (contrib.CrossQ, "MlpPolicy", MOTORS, {"policy_kwargs": SMALL}),
    "CrossQ with gSDE": (
        contrib.CrossQ,
        "MlpPolicy",
        MOTORS,
        {"use_sde": True, "policy_kwargs": {"net_arch": [], "batch_norm_eps": 0.1}},
    ),
    "TRPO": (contrib.TRPO, "MlpPolicy", MOTORS, {}),
    "ARS": (contrib.ARS, "MlpPolicy", MOTORS, {}),
    "ARS linear": (contrib.ARS, "LinearPolicy", MOTORS, {}),
    "ARS choices": (contrib.ARS, "MlpPolicy", CHOICES, {}),
    "RecurrentPPO": (contrib.RecurrentPPO, "MlpLstmPolicy", MOTORS, _recurrent()),
    "RecurrentPPO of two layers": (
        contrib.RecurrentPPO,
        "MlpLstmPolicy",
        MOTORS,
        _recurrent(n_lstm_layers=2, shared_lstm=True, enable_critic_lstm=False),
    ),
}


def _agent(name: str, **changes: Any) -> Any:
    algorithm, policy, acted, kwargs = ALGORITHMS[name]
    env = Nowhere(box(6), acted)
    options = copy.deepcopy(kwargs | changes)  # the algorithms write into it
    return agents.shaken(algorithm(policy, env, device="cpu", **options))


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_acts_as_it_predicts(
    name: str, key: Key, trust: bytes, tmp_path: Path
) -> None:
    model = _agent(name)
    path = agents.saved(model, tmp_path)
    obs = agents.observations(model.observation_space, 400)
    wanted = agents.predicted(model, obs)
    spread = wanted.std(axis=0) if wanted.ndim > 1 else len(set(wanted.tolist())) - 1
    assert np.all(spread > 0)
    exact = agents.load(path, key, trust, weights="f32")
    assert agents.difference(wanted, agents.flown(exact, obs), model.action_space) < 1e-5
    small = agents.load(path, key, trust, weights="int8")
    limit = 0.01 if isinstance(model.action_space, gym.spaces.Box) else 0.03
    assert agents.difference(wanted, agents.flown(small, obs), model.action_space) < limit


def test_an_episode_begins_without_memory(key: Key, trust: bytes, tmp_path: Path) -> None:
    model = _agent("RecurrentPPO")
    obs = agents.observations(model.observation_space, 20)
    policy = agents.load(agents.saved(model, tmp_path), key, trust, weights="f32")
    first = agents.flown(policy, obs)
    np.testing.assert_array_equal(agents.flown(policy, obs), first)
    repeated = agents.predicted(model, [obs[0]] * 3)
    np.testing.assert_allclose(agents.flown(policy, [obs[0]] * 3), repeated, atol=1e-5)
    assert not np.allclose(repeated[0], repeated[2], atol=1e-4)


@pytest.mark.parametrize("activation", TORCH)
def test_an_activation_of_torch(activation: str, key: Key, trust: bytes, tmp_path: Path) -> None:
    chosen = {"activation_fn": getattr(torch.nn, activation), "net_arch": [16, 16]}
    model = _agent("PPO", policy_kwargs=chosen)
    path = agents.saved(model, tmp_path)
    obs = agents.observations(model.observation_space, 100)
    policy = agents.load(path, key, trust, weights="f32")
    wanted = agents.predicted(model, obs)
    assert agents.difference(wanted, agents.flown(policy, obs), model.action_space) < 1e-5


@pytest.mark.parametrize("arch", [[], [8], {"pi": [], "vf": [8]}, {"pi": [8, 8, 8], "vf": []}])
def test_a_network_of_any_depth(arch: Any, key: Key, trust: bytes, tmp_path: Path) -> None:
    model = _agent("PPO", policy_kwargs={"net_arch": arch})
    obs = agents.observations(model.observation_space, 100)
    policy = agents.load(agents.saved(model, tmp_path), key, trust, weights="f32")
    wanted = agents.predicted(model, obs)
    assert agents.difference(wanted, agents.flown(policy, obs), model.action_space) < 1e-5


def test_layers_have_the_names_of_the_state_dict(key: Key, tmp_path: Path) -> None:
    packet = pp.build(agents.saved(_agent("PPO"), tmp_path), key=key)
    layers = [f"mlp_extractor.policy_net.{i}" for i in (0, 2)]
    assert list(packet.slots) == [*layers, "action_net"]


def test_a_policy_says_where_it_comes_from(key: Key, tmp_path: Path) -> None:
    packet = pp.build(agents.saved(_agent("SAC"), tmp_path), key=key)
    source = pp.open_packet(packet.data).manifest["source"]
    assert source == {
        "format": "stable-baselines3",
        "version": sb3.__version__,
        "policy": "stable_baselines3.sac.policies.SACPolicy",
        "vec_normalize": "",
    }


def test_the_same_zip_gives_the_same_bytes(key: Key, tmp_path: Path) -> None:
    path = agents.saved(_agent("TD3"), tmp_path)
    assert pp.build(path, key=key).data == pp.build(path.read_bytes(), key=key).data


@pytest.mark.parametrize(
    ("told", "smallest"),
    [({}, 2), ({"weights": "int8"}, 1), ({"golden": np.zeros((20, 6)), "max_error": 0.5}, 1)],
)
def test_a_small_policy_keeps_f16_while_nobody_says_what_it_sees(
    told: Any, smallest: int, key: Key, tmp_path: Path
) -> None:
    packet = pp.build(agents.saved(_agent("PPO"), tmp_path), key=key, **told)
    assert packet.certificate.const_bytes // (64 * 64 + 64 * 6 + 64 * 3) == smallest


class Squared(torch.nn.Module):
    """An activation of somebody's own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x * x


class Narrow(sb3.common.torch_layers.BaseFeaturesExtractor):
    """A features extractor of somebody's own."""

    def __init__(self, space: Any) -> None:
        super().__init__(space, 2)
        self.layer = torch.nn.Linear(6, 2)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.layer(obs)


class OwnPolicy(sb3.common.policies.ActorCriticPolicy):
    """A policy of somebody's own."""


def test_what_is_of_somebody_s_own_is_refused_by_name(key: Key, tmp_path: Path) -> None:
    env = Nowhere(box(6), MOTORS)
    for kwargs, policy, reason in (
        ({"activation_fn": Squared}, "MlpPolicy", "Squared"),
        ({"activation_fn": torch.nn.Softmin}, "MlpPolicy", "Softmin is not supported"),
        ({"features_extractor_class": Narrow}, "MlpPolicy", "Narrow"),
        ({}, OwnPolicy, "OwnPolicy"),
    ):
        model = sb3.PPO(policy, env, device="cpu", policy_kwargs=kwargs)
        with pytest.raises(SourceError, match=reason):
            pp.build(agents.saved(model, tmp_path), key=key)


@pytest.mark.parametrize("acted", [CHOICES, gym.spaces.MultiDiscrete([2, 3])], ids=["one", "two"])
def test_masks_are_an_input(acted: gym.Space[Any], key: Key, trust: bytes, tmp_path: Path) -> None:
    model = agents.shaken(contrib.MaskablePPO("MlpPolicy", Nowhere(box(6), acted), device="cpu"))
    policy = agents.load(agents.saved(model, tmp_path), key, trust, weights="f32")
    obs = agents.observations(model.observation_space, 200)
    choices = next(port.shape[0] for port in policy.inputs if port.name == "action_masks")
    masks = np.random.default_rng(7).random((200, choices)) < 0.6
    masks[:, [0, 2]] = True  # something is allowed of each choice
    wanted = np.stack(
        [
            model.predict(row, deterministic=True, action_masks=mask)[0]
            for row, mask in zip(obs, masks, strict=True)
        ]
    )
    free = np.stack([model.predict(row, deterministic=True)[0] for row in obs])
    assert (wanted != free).any()
    found = [
        policy({"obs": row, "action_masks": mask}) for row, mask in zip(obs, masks, strict=True)
    ]
    np.testing.assert_array_equal(np.stack([np.array(action) for action in found]), wanted)


def test_masks_need_a_choice(key: Key, tmp_path: Path) -> None:
    env = Nowhere(box(6), gym.spaces.MultiBinary(3))
    model = contrib.MaskablePPO("MlpPolicy", env, device="cpu")
    with pytest.raises(SourceError, match="MultiBinary, expected Discrete or MultiDiscrete"):
        pp.build(agents.saved(model, tmp_path), key=key)
