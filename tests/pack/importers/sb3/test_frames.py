"""Stacked frames: as an observation, or remembered by the packet."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import stable_baselines3 as sb3
from stable_baselines3.common.vec_env import DummyVecEnv, VecFrameStack

import plasma_pack as pp
from plasma_pack import OptionError
from plasma_pack.packet.keys import Key

from . import agents
from .agents import Nowhere, Space, box, image

WIDE = box(2, low=-1000, high=1000)


def _stacked(space: Space, policy: str, spread: float) -> tuple[sb3.PPO, Any]:
    env = VecFrameStack(DummyVecEnv([lambda: Nowhere(space, WIDE)]), 4)
    return agents.shaken(sb3.PPO(policy, env, n_steps=64, device="cpu"), spread), env


def _stacks(frames: list[np.ndarray]) -> list[np.ndarray]:
    """What VecFrameStack makes of the frames of an episode."""
    stacking = sb3.common.vec_env.stacked_observations.StackedObservations(
        1, 4, image(*frames[0].shape) if frames[0].ndim == 3 else box(*frames[0].shape)
    )
    stacks = [stacking.reset(frames[0][None])[0].copy()]
    for frame in frames[1:]:
        stacks.append(stacking.update(frame[None], np.zeros(1, bool), [{}])[0][0].copy())
    return stacks


@pytest.mark.parametrize("kind", ["numbers", "images"])
def test_a_packet_remembers_frames(kind: str, key: Key, trust: bytes, tmp_path: Path) -> None:
    space = box(3) if kind == "numbers" else image(36, 36, 1)
    policy, spread = ("MlpPolicy", 0.5) if kind == "numbers" else ("CnnPolicy", 0.3)
    model, _ = _stacked(space, policy, spread)
    path = agents.saved(model, tmp_path)
    frames = agents.observations(space, 20) if kind == "numbers" else agents.pictures(20, 36, 36, 1)
    wanted = agents.predicted(model, _stacks(frames))
    weights = "f32" if kind == "numbers" else "int8"
    remembering = agents.load(path, key, trust, frame_stack=4, weights=weights)
    assert remembering.inputs[0].shape == space.shape
    found = agents.flown(remembering, frames)
    assert agents.noise(wanted, found) < (1e-5 if kind == "numbers" else 0.1)
    np.testing.assert_array_equal(agents.flown(remembering, frames), found)
    plain = agents.load(path, key, trust, weights=weights)
    np.testing.assert_allclose(agents.flown(plain, _stacks(frames)), found, atol=1e-6)


@pytest.mark.parametrize("frames", [0, -1, 5])
def test_frames_that_do_not_fit_are_refused(frames: int, key: Key, tmp_path: Path) -> None:
    model, _ = _stacked(box(3), "MlpPolicy", 0.5)
    with pytest.raises(OptionError, match="frame_stack"):
        pp.build(agents.saved(model, tmp_path), key=key, frame_stack=frames)
