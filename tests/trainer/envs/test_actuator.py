# SPDX-License-Identifier: Apache-2.0
import gymnasium as gym
import numpy as np
import pytest
from gymnasium import spaces

from plasma_trainer.envs import Actuator, make_plant
from plasma_trainer.errors import UsageError


def test_a_reversed_motor_pushes_the_cart_the_other_way() -> None:
    velocities = []
    for variant in ("nominal", "reversed"):
        plant = make_plant("CartPole-v1", variant)
        plant.reset(seed=0)
        obs = plant.step(np.int64(1))[0]
        velocities.append(obs[1])
    assert velocities[0] > 0 > velocities[1]


def test_reversing_a_continuous_motor_negates_its_torque() -> None:
    nominal, broken = make_plant("Pendulum-v1"), make_plant("Pendulum-v1", "reversed")
    nominal.reset(seed=0), broken.reset(seed=0)
    torque = np.array([1.5], np.float32)
    np.testing.assert_array_equal(nominal.step(-torque)[0], broken.step(torque)[0])


def test_the_wiring_can_be_swapped_in_the_middle_of_an_episode() -> None:
    plant = make_plant("CartPole-v1")
    plant.reset(seed=0)
    pushed = plant.step(np.int64(1))[0][1]
    plant.reverse()
    assert plant.step(np.int64(1))[0][1] < pushed
    plant.reverse()
    assert plant.action(np.int64(1)) == 1


def test_mirrored_actions_stay_in_the_action_space() -> None:
    for env_id in ("CartPole-v1", "Acrobot-v1", "Pendulum-v1"):
        plant = make_plant(env_id, "reversed")
        plant.action_space.seed(0)
        for _ in range(20):
            assert plant.action_space.contains(plant.action(plant.action_space.sample()))


def test_refuses_an_actuator_without_a_mirror_image() -> None:
    class Unbounded(gym.Env):
        observation_space = spaces.Box(-1, 1, (2,))
        action_space = spaces.Box(-np.inf, np.inf, (1,))

    with pytest.raises(UsageError, match="mirror image"):
        Actuator(Unbounded())
