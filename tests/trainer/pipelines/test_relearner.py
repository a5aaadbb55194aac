# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest
import torch

from plasma_trainer.data import Transitions, collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines.relearner import foretells
from plasma_trainer.world_models import Ensemble, fit

ENV = "Pendulum-v1"


def steps_on(variant: str, steps: int, seed: int) -> Transitions:
    plant = make_plant(ENV, variant)
    return collect(plant, random_act(plant.action_space, seed), steps, seed, longest=50)


@pytest.fixture(scope="module")
def world() -> Ensemble:
    torch.manual_seed(0)
    world = Ensemble(obs_size=3, action_size=1, discrete=False)
    columns = steps_on("nominal", 400, seed=0).tensors()
    fit(world, columns, columns, updates=2000, seed=0)
    return world


def test_a_broken_motor_or_body_leaves_outcomes_as_they_were(world: Ensemble) -> None:
    for variant in ("nominal", "reversed", "gravity=14", "motor.bias=0.5"):
        assert foretells(world, steps_on(variant, 200, seed=1)), variant


def test_a_broken_sensor_does_not(world: Ensemble) -> None:
    for variant in ("sensor.bias=0.3@1", "sensor.gain=-1@0", "sensor.swap=0:1", "sensor.gain=3@2"):
        assert not foretells(world, steps_on(variant, 200, seed=1)), variant


def test_neither_do_ends_that_come_where_none_were_known(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    assert foretells(cartpole_world, cartpole_data)
    columns = vars(cartpole_data)
    elsewhere = np.roll(cartpole_data.terminated, 5)
    assert not foretells(cartpole_world, Transitions(**{**columns, "terminated": elsewhere}))
