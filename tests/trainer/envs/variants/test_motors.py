# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError

PUSH = np.array([1.0], np.float32)


def speeds(variant: str, torques: list[float], seed: int = 0) -> np.ndarray:
    """Angular velocities of a pendulum that was given these torques."""
    plant = make_plant("Pendulum-v1", variant)
    plant.reset(seed=seed)
    return np.array([plant.step(np.array([u], np.float32))[0][2] for u in torques])


def test_a_weak_motor_gives_a_share_of_what_it_is_told() -> None:
    np.testing.assert_allclose(speeds("motor=0.5", [1.0]), speeds("nominal", [0.5]))


def test_a_strong_motor_stays_within_its_limits() -> None:
    np.testing.assert_allclose(speeds("motor=3", [1.5]), speeds("nominal", [2.0]))


def test_a_biased_motor_pulls_to_one_side() -> None:
    np.testing.assert_allclose(speeds("motor.bias=0.25", [1.0]), speeds("nominal", [1.5]))


def test_commands_arrive_late_and_the_motor_rests_until_they_do() -> None:
    late = speeds("motor.delay=2", [1.0, -1.0, 2.0, 2.0])
    np.testing.assert_allclose(late, speeds("nominal", [0.0, 0.0, 1.0, -1.0]))


def test_a_delay_forgets_the_episode_before() -> None:
    plant = make_plant("Pendulum-v1", "motor.delay=1")
    plant.reset(seed=0)
    plant.step(np.array([2.0], np.float32))
    plant.reset(seed=0)
    assert plant.step(PUSH)[0][2] == speeds("nominal", [0.0])[0]


def test_the_first_part_is_nearest_to_the_plant() -> None:
    """A command is doubled to 3 and limited to 2; the bias is added by a shell further in, or further out."""
    inside = speeds("motor.bias=-0.5+motor=2", [1.5])
    np.testing.assert_allclose(inside, speeds("nominal", [1.0]))
    outside = speeds("motor=2+motor.bias=-0.5", [1.5])
    np.testing.assert_allclose(outside, speeds("nominal", [1.0]))
    np.testing.assert_allclose(speeds("motor.bias=-0.5+motor=2", [0.75]), speeds("nominal", [0.5]))
    np.testing.assert_allclose(speeds("motor=2+motor.bias=-0.5", [0.75]), speeds("nominal", [-0.5]))


def test_noise_comes_with_the_seed_of_the_reset() -> None:
    torques = [0.5] * 5
    first, again = (speeds("motor.noise=0.2", torques) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert (first != speeds("nominal", torques)).all()
    assert (first != speeds("motor.noise=0.2", torques, seed=1)).all()


def test_a_share_of_discrete_choices_becomes_random() -> None:
    plant = make_plant("CartPole-v1", "motor.noise=0.5")
    plant.reset(seed=0)
    noisy = plant.env
    given = [int(noisy.action(np.int64(1))) for _ in range(1000)]
    assert np.mean(given) == pytest.approx(0.75, abs=0.05)


def test_one_entry_of_many_can_be_meant() -> None:
    plant = make_plant("Hopper-v5", "motor=0.5@1")
    wrapper = plant.env
    np.testing.assert_allclose(wrapper.action(np.array([1, 1, 1], np.float32)), [1, 0.5, 1])
    with pytest.raises(UsageError, match="found index 3, but the action has 3 entries"):
        make_plant("Hopper-v5", "motor=0.5@3")


def test_a_discrete_motor_can_be_reversed_and_nothing_else() -> None:
    assert make_plant("Acrobot-v1", "motor=-1").env.action(np.int64(2)) == 0
    with pytest.raises(UsageError, match="expected -1"):
        make_plant("Acrobot-v1", "motor=0.5")
    with pytest.raises(UsageError, match="bounded range"):
        make_plant("CartPole-v1", "motor.bias=0.5")
