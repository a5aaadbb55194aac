# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError


def first(variant: str, seed: int = 0) -> np.ndarray:
    return make_plant("CartPole-v1", variant).reset(seed=seed)[0]


def test_gain_bias_and_swap_change_the_readings_that_are_meant() -> None:
    true = first("nominal")
    np.testing.assert_allclose(first("sensor.gain=-1@2"), true * [1, 1, -1, 1])
    np.testing.assert_allclose(first("sensor.gain=2"), true * 2)
    np.testing.assert_allclose(first("sensor.bias=0.1@0"), true + [0.1, 0, 0, 0])
    np.testing.assert_allclose(first("sensor.swap=0:2"), true[[2, 1, 0, 3]])


def test_readings_pass_through_the_parts_in_their_order() -> None:
    true = first("nominal")
    np.testing.assert_allclose(first("sensor.bias=1+sensor.gain=2"), (true + 1) * 2)
    np.testing.assert_allclose(first("sensor.gain=2+sensor.bias=1"), true * 2 + 1, rtol=1e-6)


def test_faulty_readings_are_still_observations_of_the_plant() -> None:
    plant = make_plant("CartPole-v1", "sensor.gain=1000+sensor.noise=1")
    assert plant.observation_space.contains(plant.reset(seed=0)[0])


def test_noise_comes_with_the_seed_of_the_reset_and_leaves_the_start_alone() -> None:
    noisy = first("sensor.noise=0.01@1")
    np.testing.assert_array_equal(noisy, first("sensor.noise=0.01@1"))
    assert noisy[1] != first("nominal")[1]
    np.testing.assert_array_equal(noisy[[0, 2, 3]], first("nominal")[[0, 2, 3]])


def test_a_lost_reading_is_that_of_the_tick_before() -> None:
    true, seen = [], []
    for variant, readings in (("nominal", true), ("sensor.dropout=0.5", seen)):
        plant = make_plant("Pendulum-v1", variant)
        readings.append(plant.reset(seed=0)[0])
        readings += [plant.step(np.zeros(1, np.float32))[0] for _ in range(100)]
    lost = 0
    for t in range(1, 101):
        held = seen[t] == seen[t - 1]
        lost += int(held.sum())
        assert np.all(held | (seen[t] == true[t]))
    assert 100 < lost < 200  # of 300 readings


def test_refuses_a_reading_that_is_not_there() -> None:
    for variant in ("sensor.gain=2@4", "sensor.swap=0:4", "sensor.swap=4:0"):
        with pytest.raises(UsageError, match="found index 4, but the observation has 4 entries"):
            make_plant("CartPole-v1", variant)
