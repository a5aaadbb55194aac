# SPDX-License-Identifier: Apache-2.0
import signal
import subprocess
import sys

import numpy as np

from plasma_trainer.data import collect_log, random_act
from plasma_trainer.envs import make_pixel_plant


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
