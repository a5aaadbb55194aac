# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from plasma_trainer.envs import Changing, fly, make_plant, step_limit
from plasma_trainer.errors import UsageError


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1", "InvertedPendulum-v5"])
def test_a_change_to_the_same_plant_changes_nothing(env_id: str) -> None:
    plain, changing = make_plant(env_id), Changing(env_id, {0: "nominal", 4: "nominal"})
    first, same = plain.reset(seed=5)[0], changing.reset(seed=5)[0]
    np.testing.assert_array_equal(first, same)
    plain.action_space.seed(0)
    for _ in range(8):
        action = plain.action_space.sample()
        for expected, found in zip(plain.step(action)[:3], changing.step(action)[:3], strict=True):
            np.testing.assert_array_equal(expected, found)


def test_from_the_tick_on_the_plant_is_another() -> None:
    plant = Changing("CartPole-v1", {0: "nominal", 2: "reversed+sensor.bias=1@0"})
    mirrored = Changing("CartPole-v1", {0: "nominal"})
    for env in (plant, mirrored):
        env.reset(seed=0)
    for _ in range(2):
        seen, same = (env.step(1)[0] for env in (plant, mirrored))
        np.testing.assert_array_equal(seen, same)
    seen, mirror = plant.step(0)[0], mirrored.step(1)[0]
    np.testing.assert_allclose(seen, mirror + np.float32([1, 0, 0, 0]), atol=1e-6)


def test_time_runs_out_once_for_all_plants() -> None:
    plant = Changing("Pendulum-v1", {0: "nominal", 50: "gravity=14", 120: "nominal"})
    assert step_limit(plant) == 200
    for _ in range(2):  # and again after a reset
        episode = fly(plant, lambda obs: np.zeros(1, np.float32), seed=0)
        assert len(episode.rewards) == 200
        assert not episode.terminated


def test_refuses_what_has_no_beginning_or_no_state_to_carry_over() -> None:
    with pytest.raises(UsageError, match="expected one at 0"):
        Changing("CartPole-v1", {5: "reversed"})
    lander = Changing("LunarLander-v3", {0: "nominal", 1: "reversed"})
    lander.reset(seed=0)
    lander.step(0)
    with pytest.raises(UsageError, match="LunarLander cannot be put into the state of another"):
        lander.step(0)
