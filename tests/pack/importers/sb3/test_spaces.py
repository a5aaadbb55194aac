"""Observations and actions of every kind of space that Stable-Baselines3 takes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import stable_baselines3 as sb3
import torch
from gymnasium import spaces

import plasma_pack as pp
from plasma_pack import LimitsError, SourceError
from plasma_pack.packet.keys import Key

from . import agents
from .agents import Nowhere, Space, box, image

OBSERVED = {
    "numbers": box(5),
    "a matrix": box(2, 3),
    "a choice": spaces.Discrete(6),
    "choices": spaces.MultiDiscrete([3, 4, 2]),
    "switches": spaces.MultiBinary(4),
    "a Dict": spaces.Dict(
        {"speed": box(2), "gear": spaces.Discrete(3), "lamps": spaces.MultiBinary(2)}
    ),
}
ACTED = {
    "numbers": box(2, low=-3, high=1),
    "a matrix": box(2, 2),
    "one number": box(1),
    "a choice": spaces.Discrete(5),
    "choices": spaces.MultiDiscrete([3, 2, 4]),
    "switches": spaces.MultiBinary(3),
}

WIDE = box(2, low=-1000, high=1000)


def _agent(observed: Space, acted: Space, **kwargs: object) -> sb3.PPO:
    policy = "MultiInputPolicy" if isinstance(observed, spaces.Dict) else "MlpPolicy"
    return agents.shaken(sb3.PPO(policy, Nowhere(observed, acted), device="cpu", **kwargs))


@pytest.mark.parametrize("name", OBSERVED)
def test_observations(name: str, key: Key, trust: bytes, tmp_path: Path) -> None:
    model = _agent(OBSERVED[name], ACTED["numbers"])
    policy = agents.load(agents.saved(model, tmp_path), key, trust, weights="f32")
    obs = agents.observations(OBSERVED[name], 200)
    wanted = agents.predicted(model, obs)
    assert wanted.std() > 0.1
    np.testing.assert_allclose(agents.flown(policy, obs), wanted, atol=1e-5)


@pytest.mark.parametrize("name", ACTED)
def test_actions(name: str, key: Key, trust: bytes, tmp_path: Path) -> None:
    model = _agent(OBSERVED["numbers"], ACTED[name])
    policy = agents.load(agents.saved(model, tmp_path), key, trust, weights="f32")
    obs = agents.observations(OBSERVED["numbers"], 200)
    wanted, found = agents.predicted(model, obs), agents.flown(policy, obs)
    assert wanted.std() > 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-5)
    dtype = ACTED[name].dtype  # several choices come as whole numbers in float32
    assert all(ACTED[name].contains(np.asarray(policy(row)).astype(dtype)[()]) for row in obs)


def test_the_members_of_a_dict_are_inputs(key: Key, trust: bytes, tmp_path: Path) -> None:
    model = _agent(OBSERVED["a Dict"], ACTED["numbers"])
    policy = agents.load(agents.saved(model, tmp_path), key, trust)
    ports = {port.name: port.shape for port in policy.inputs}
    assert ports == {"gear": (1,), "lamps": (2,), "speed": (2,)}


def test_bounds_of_actions_become_limits(key: Key, trust: bytes, tmp_path: Path) -> None:
    bounds = spaces.Box(np.float32([-0.1, 2]), np.float32([0.7, 9]))
    path = agents.saved(_agent(OBSERVED["numbers"], bounds), tmp_path)
    policy = agents.load(path, key, trust)
    obs = [30 * row for row in agents.observations(OBSERVED["numbers"], 100)]
    seen = agents.flown(policy, obs)
    np.testing.assert_array_equal(seen.min(axis=0), bounds.low)
    np.testing.assert_array_equal(seen.max(axis=0)[0], bounds.high[0])
    tighter = agents.load(path, key, trust, high=[0.5, 3.0])
    np.testing.assert_array_equal(
        agents.flown(tighter, obs), np.minimum(seen, np.float32([0.5, 3.0]))
    )


def test_actions_without_bounds_need_limits(key: Key, trust: bytes, tmp_path: Path) -> None:
    model = _agent(OBSERVED["numbers"], ACTED["numbers"])
    model.action_space = spaces.Box(-np.inf, np.inf, (2,), np.float32)  # as old versions allowed
    path = agents.saved(model, tmp_path)
    with pytest.raises(LimitsError, match="pass low"):
        pp.build(path, key=key)
    policy = agents.load(path, key, trust, low=-0.5, high=0.5, weights="f32")
    obs = agents.observations(OBSERVED["numbers"], 100)
    wanted = np.clip(agents.predicted(model, obs), -0.5, 0.5)
    np.testing.assert_allclose(agents.flown(policy, obs), wanted, atol=1e-5)


@pytest.mark.parametrize("layout", ["channels last", "channels first"])
def test_images(layout: str, key: Key, trust: bytes, tmp_path: Path) -> None:
    """Packets take them as cameras give them, whatever the environment did."""
    shape = (36, 40, 3) if layout == "channels last" else (3, 36, 40)
    env = Nowhere(image(*shape), WIDE)
    model = sb3.PPO("CnnPolicy", env, device="cpu", n_steps=64)
    agents.shaken(model, 0.3)
    policy = agents.load(agents.saved(model, tmp_path), key, trust)
    assert policy.inputs[0].shape == (36, 40, 3)
    obs = agents.pictures(60, 36, 40, 3)
    wanted = agents.predicted(model, obs)
    assert agents.noise(wanted, agents.flown(policy, obs)) < 0.1


@pytest.mark.parametrize("scaled", [True, False])
def test_an_image_to_a_plain_network(scaled: bool, key: Key, trust: bytes, tmp_path: Path) -> None:
    kwargs = {"normalize_images": scaled}
    model = _agent(image(4, 8, 3), WIDE, policy_kwargs=kwargs)
    policy = agents.load(agents.saved(model, tmp_path), key, trust, weights="f32")
    obs = agents.pictures(60, 4, 8, 3)
    np.testing.assert_allclose(agents.flown(policy, obs), agents.predicted(model, obs), atol=1e-4)


def test_an_image_beside_numbers(key: Key, trust: bytes, tmp_path: Path) -> None:
    both = spaces.Dict({"camera": image(36, 36, 1), "speed": box(3)})
    env = Nowhere(both, WIDE)
    kwargs = {"features_extractor_kwargs": {"cnn_output_dim": 16}}
    model = sb3.PPO("MultiInputPolicy", env, device="cpu", n_steps=64, policy_kwargs=kwargs)
    agents.shaken(model, 0.3)
    policy = agents.load(agents.saved(model, tmp_path), key, trust)
    obs = agents.observations(both, 60)
    for row, picture in zip(obs, agents.pictures(60, 36, 36, 1), strict=True):
        row["camera"] = picture
    wanted = agents.predicted(model, obs)
    assert agents.noise(wanted, agents.flown(policy, obs)) < 0.1


def test_noise_is_a_picture_too(key: Key, trust: bytes, tmp_path: Path) -> None:
    """A plain build, told nothing, keeps within a hundredth of the range that noise makes it use."""
    torch.manual_seed(0)
    space = image(36, 40, 3)
    model = sb3.PPO("CnnPolicy", Nowhere(space, WIDE), device="cpu", n_steps=64)
    agents.shaken(model, 0.1)
    policy = agents.load(agents.saved(model, tmp_path), key, trust)
    obs = agents.observations(model.observation_space, 150)
    wanted = agents.predicted(model, obs)
    found = agents.flown(policy, [picture.transpose(1, 2, 0) for picture in obs])
    assert np.sqrt(np.mean(((found - wanted) / np.ptp(wanted, axis=0)) ** 2)) < 0.01


def test_q_networks_see_images_too(key: Key, trust: bytes, tmp_path: Path) -> None:
    env = Nowhere(image(36, 36, 4), ACTED["a choice"])
    model = sb3.DQN("CnnPolicy", env, device="cpu", buffer_size=10)
    agents.shaken(model, 0.3)
    policy = agents.load(agents.saved(model, tmp_path), key, trust)
    obs = agents.pictures(60, 36, 36, 4)
    wanted = agents.predicted(model, obs)
    assert len(set(wanted.tolist())) > 1
    assert agents.difference(wanted, agents.flown(policy, obs), ACTED["a choice"]) < 0.1


def test_an_actor_of_its_own_extractor(key: Key, trust: bytes, tmp_path: Path) -> None:
    env = Nowhere(image(36, 36, 1), WIDE)
    kwargs = {"share_features_extractor": False}
    model = sb3.PPO("CnnPolicy", env, device="cpu", n_steps=64, policy_kwargs=kwargs)
    agents.shaken(model, 0.3)
    policy = agents.load(agents.saved(model, tmp_path), key, trust)
    obs = agents.pictures(40, 36, 36, 1)
    wanted = agents.predicted(model, obs)
    assert agents.noise(wanted, agents.flown(policy, obs)) < 0.1


def test_a_choice_that_starts_elsewhere_is_refused(key: Key, tmp_path: Path) -> None:
    model = _agent(OBSERVED["numbers"], spaces.Discrete(3, start=2))
    with pytest.raises(SourceError, match="action_space does not start at 0"):
        pp.build(agents.saved(model, tmp_path), key=key)


def test_an_observation_called_action_is_refused(key: Key, tmp_path: Path) -> None:
    model = _agent(spaces.Dict({"action": box(2), "speed": box(1)}), WIDE)
    with pytest.raises(SourceError, match="'action' has the name of something else"):
        pp.build(agents.saved(model, tmp_path), key=key)
