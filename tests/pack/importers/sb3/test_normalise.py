"""VecNormalize: found where people have it, folded into the packet, missed when it is missing."""

from __future__ import annotations

import pickle
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
from gymnasium import spaces
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecFrameStack, VecNormalize

import plasma_pack as pp
from plasma_pack import OptionError, SourceError
from plasma_pack.packet.keys import Key

from . import agents
from .agents import Nowhere, box

MOTOR = box(1)


def _trained(
    folder: Path, *, env: Any = None, frames: int = 0, **options: Any
) -> tuple[sb3.PPO, VecNormalize]:
    """A PPO with statistics of some steps; `folder` has model.zip and vecnormalize.pkl."""
    normalised = VecNormalize(env or make_vec_env("Pendulum-v1"), **options)
    stacked = VecFrameStack(normalised, frames) if frames else normalised
    name = "MultiInputPolicy" if env is not None else "MlpPolicy"
    model = sb3.PPO(name, stacked, n_steps=32, batch_size=32, device="cpu", seed=0)
    model.learn(64)
    agents.shaken(model)
    model.save(folder / "model.zip")
    normalised.save(str(folder / "vecnormalize.pkl"))
    return model, normalised


def _observations(count: int = 200) -> list[np.ndarray]:
    return list(np.random.default_rng(0).normal(0, 3, (count, 3)).astype(np.float32))


def _same(model: sb3.PPO, normalised: VecNormalize, policy: Any, obs: list[Any]) -> None:
    wanted = agents.predicted(model, [normalised.normalize_obs(row) for row in obs])
    assert wanted.std() > 0.1
    np.testing.assert_allclose(agents.flown(policy, obs), wanted, atol=1e-4)


def test_statistics_beside_the_zip(key: Key, trust: bytes, tmp_path: Path) -> None:
    model, normalised = _trained(tmp_path, clip_obs=1.5)
    policy = agents.load(tmp_path / "model.zip", key, trust, weights="f32")
    _same(model, normalised, policy, _observations())
    clipped = [np.clip(normalised.normalize_obs(row), -1, 1) for row in _observations()]
    assert not np.allclose(agents.flown(policy, _observations()), agents.predicted(model, clipped))


@pytest.mark.parametrize(
    ("zip_name", "place"),
    [
        ("Pendulum-v1.zip", "Pendulum-v1/vecnormalize.pkl"),  # the zoo
        ("best_model.zip", "Pendulum-v1/vecnormalize.pkl"),
        ("ppo.zip", "vec_normalize.pkl"),
        ("ppo.zip", "ppo.pkl"),
        ("ppo.zip", "ppo_vecnormalize.pkl"),
        ("ppo_640_steps.zip", "ppo_vecnormalize_640_steps.pkl"),  # CheckpointCallback
    ],
)
def test_statistics_where_people_have_them(
    zip_name: str, place: str, key: Key, trust: bytes, tmp_path: Path
) -> None:
    (tmp_path / "made").mkdir()
    model, normalised = _trained(tmp_path / "made")
    folder = tmp_path / "run"
    (folder / place).parent.mkdir(parents=True)
    shutil.copy(tmp_path / "made/model.zip", folder / zip_name)
    shutil.copy(tmp_path / "made/vecnormalize.pkl", folder / place)
    policy = agents.load(folder / zip_name, key, trust, weights="f32")
    _same(model, normalised, policy, _observations(30))
    origin = pp.open_packet(pp.build(folder / zip_name, key=key).data).manifest["source"]
    assert origin["vec_normalize"] == Path(place).name


def test_statistics_of_other_runs_are_left_alone(key: Key, tmp_path: Path) -> None:
    model = sb3.PPO("MlpPolicy", Nowhere(box(3), MOTOR), device="cpu")
    (tmp_path / "other").mkdir()
    _trained(tmp_path / "other")
    packet = pp.build(agents.saved(model, tmp_path), key=key)
    assert pp.open_packet(packet.data).manifest["source"]["vec_normalize"] == ""


def test_statistics_by_name(key: Key, trust: bytes, tmp_path: Path) -> None:
    model, normalised = _trained(tmp_path)
    moved = tmp_path / "elsewhere.bin"
    (tmp_path / "vecnormalize.pkl").rename(moved)
    for source in (tmp_path / "model.zip", (tmp_path / "model.zip").read_bytes()):
        policy = agents.load(source, key, trust, weights="f32", vec_normalize=moved)
        _same(model, normalised, policy, _observations(30))


def test_missing_statistics_are_missed(key: Key, tmp_path: Path) -> None:
    _trained(tmp_path)
    (tmp_path / "vecnormalize.pkl").unlink()
    with pytest.raises(SourceError, match="was trained with VecNormalize"):
        pp.build(tmp_path / "model.zip", key=key)


def test_scaled_rewards_are_no_matter(key: Key, trust: bytes, tmp_path: Path) -> None:
    model, normalised = _trained(tmp_path, norm_obs=False)
    policy = agents.load(tmp_path / "model.zip", key, trust, weights="f32")
    _same(model, normalised, policy, _observations(30))
    (tmp_path / "vecnormalize.pkl").unlink()
    told = agents.load(tmp_path / "model.zip", key, trust, weights="f32", vec_normalize=False)
    assert told.info.content_digest == policy.info.content_digest


def test_a_member_of_a_dict(key: Key, trust: bytes, tmp_path: Path) -> None:
    both = spaces.Dict({"arm": box(3, low=-9, high=9), "goal": box(2, low=-9, high=9)})
    env = sb3.common.vec_env.DummyVecEnv([lambda: Nowhere(both, MOTOR)])
    model, normalised = _trained(tmp_path, env=env, norm_obs_keys=["arm"])
    policy = agents.load(tmp_path / "model.zip", key, trust, weights="f32")
    _same(model, normalised, policy, agents.observations(both, 50))


def test_frames_that_are_normalised_one_by_one(key: Key, trust: bytes, tmp_path: Path) -> None:
    """The statistics are of one frame and the policy of four: the packet remembers the others."""
    model, normalised = _trained(tmp_path, frames=4)
    policy = agents.load(tmp_path / "model.zip", key, trust, weights="f32")
    assert policy.inputs[0].shape == (3,)
    obs = _observations(30)
    stacks, stack = [], np.zeros(12, np.float32)
    for row in obs:
        stack = np.concatenate([stack[3:], normalised.normalize_obs(row)])
        stacks.append(stack)
    np.testing.assert_allclose(
        agents.flown(policy, obs), agents.predicted(model, stacks), atol=1e-4
    )


def test_what_does_not_belong_together_is_refused(key: Key, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    _trained(tmp_path)
    cart = VecNormalize(make_vec_env("CartPole-v1"))
    cart.save(str(tmp_path / "vecnormalize.pkl"))
    with pytest.raises(SourceError, match="do not belong together"):
        pp.build(tmp_path / "model.zip", key=key)
    (tmp_path / "other/vecnormalize.pkl").write_bytes(b"")
    (tmp_path / "vecnormalize.pkl").rename(tmp_path / "vec_normalize.pkl")
    shutil.copy(tmp_path / "vec_normalize.pkl", tmp_path / "vecnormalize.pkl")
    with pytest.raises(SourceError, match="several VecNormalize files"):
        pp.build(tmp_path / "model.zip", key=key)


@pytest.mark.parametrize("content", [b"", b"\x80", pickle.dumps([1]), pickle.dumps(3)])
def test_what_is_no_vec_normalize_is_refused(content: bytes, key: Key, tmp_path: Path) -> None:
    _trained(tmp_path)
    (tmp_path / "vecnormalize.pkl").write_bytes(content)
    with pytest.raises(SourceError, match=r"vecnormalize\.pkl"):
        pp.build(tmp_path / "model.zip", key=key)


def test_options_of_other_formats_are_refused(key: Key, tmp_path: Path, mlp_onnx: Path) -> None:
    with pytest.raises(OptionError, match="vec_normalize has no meaning for ONNX"):
        pp.build(mlp_onnx, key=key, vec_normalize="statistics.pkl")
    model = sb3.PPO("MlpPolicy", Nowhere(box(3), MOTOR), device="cpu")
    with pytest.raises(OptionError, match="states has no meaning"):
        pp.build(agents.saved(model, tmp_path), key=key, states={"h": "h2"})
