# SPDX-License-Identifier: Apache-2.0
import signal
import subprocess
import sys
from itertools import combinations

import numpy as np
import pytest

from plasma_trainer.data import collect_log, random_act
from plasma_trainer.envs import make_pixel_plant, make_plant
from plasma_trainer.errors import UsageError


def test_a_plant_is_seen_through_its_camera_alone() -> None:
    plant = make_pixel_plant("Pendulum-v1", size=32)
    log = collect_log(plant, random_act(plant.action_space, 0), 5, seed=0, longest=5)
    frames = log.episodes[0].obs
    assert frames.shape == (6, 3, 32, 32)
    assert frames.dtype == np.uint8
    assert plant.observation_space.contains(frames[0])
    assert (frames[0] != frames[5]).any()  # it moves ...
    assert (frames == 255).mean() > 0.5  # ... on a white ground


def test_who_has_rendered_still_ends_when_asked_to() -> None:
    code = """
import os, signal
from plasma_trainer.envs import make_pixel_plant
make_pixel_plant("Pendulum-v1", size=16).reset(seed=0)
os.kill(os.getpid(), signal.SIGTERM)
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == -signal.SIGTERM


def test_a_shifted_camera_shows_the_same_world_elsewhere() -> None:
    def first(variant: str) -> np.ndarray:
        return make_pixel_plant("CartPole-v1", variant).reset(seed=0)[0]

    true = first("nominal")
    np.testing.assert_array_equal(first("camera.shift=3:-2")[:, :-2, 3:], true[:, 2:, :-3])
    np.testing.assert_array_equal(
        first("camera.shift=-5:0")[:, :, -5:], true[:, :, -1:].repeat(5, 2)
    )
    assert make_pixel_plant("CartPole-v1", "camera.shift=3:-2").observation_space.contains(true)


def test_a_plant_that_is_seen_breaks_as_others_do() -> None:
    seen = []
    for variant in ("nominal", "reversed", "motor=-1+gravity=30"):
        plant = make_pixel_plant("CartPole-v1", variant)
        plant.reset(seed=0)
        seen.append([plant.step(1)[0] for _ in range(8)][-1])
    assert not any(np.array_equal(a, b) for a, b in combinations(seen, 2))


@pytest.mark.parametrize("variant", ["camera.shift=64:0", "sensor.gain=-1@0"])
def test_refuses_what_a_camera_cannot_have(variant: str) -> None:
    with pytest.raises(UsageError, match=r"leaves nothing of a picture|expected readings"):
        make_pixel_plant("CartPole-v1", variant)


def test_a_plant_without_a_camera_has_no_camera_fault() -> None:
    with pytest.raises(UsageError, match="expected one that is seen through a camera"):
        make_plant("CartPole-v1", "camera.shift=1:0")
