# SPDX-License-Identifier: Apache-2.0
from typing import Any

import numpy as np
import pytest

from plasma_trainer.envs import SUITES, make_plant
from plasma_trainer.errors import UsageError


def after(env_id: str, variant: str, action: Any, steps: int) -> np.ndarray:
    plant = make_plant(env_id, variant)
    plant.reset(seed=0)
    for _ in range(steps):
        obs = plant.step(action)[0]
    return obs


def test_a_cartpole_knows_its_own_constants() -> None:
    plant = make_plant("CartPole-v1", "mass=4+length=3+gravity=20+motor=0.5").unwrapped
    assert plant.masspole == pytest.approx(0.4)
    assert plant.total_mass == pytest.approx(1.4)
    assert plant.length == pytest.approx(1.5)
    assert plant.polemass_length == pytest.approx(0.6)
    assert (plant.gravity, plant.force_mag) == (20.0, 5.0)


def test_a_reversed_force_is_a_reversed_motor() -> None:
    left = after("CartPole-v1", "nominal", np.int64(0), 3)
    np.testing.assert_allclose(after("CartPole-v1", "reversed", np.int64(1), 3), left)


def test_a_pendulum_of_twice_the_gravity_falls_faster() -> None:
    rest = np.zeros(1, np.float32)
    nominal, heavy = (after("Pendulum-v1", v, rest, 1)[2] for v in ("nominal", "gravity=20"))
    assert abs(heavy) > abs(nominal)
    plant = make_plant("Pendulum-v1", "mass=1.5+length=2").unwrapped
    assert (plant.m, plant.l) == (1.5, 2.0)


def test_a_longer_pole_of_mujoco_falls_more_slowly_and_a_heavy_one_drags_the_cart() -> None:
    rest, push = np.zeros(1, np.float32), np.full(1, 3.0, np.float32)
    name = "InvertedPendulum-v5"
    assert abs(after(name, "length=4", rest, 10)[1]) < abs(after(name, "nominal", rest, 10)[1])
    assert abs(after(name, "mass=50", push, 2)[2]) < abs(after(name, "nominal", push, 2)[2])
    assert abs(after(name, "damping=20", push, 2)[2]) < abs(after(name, "nominal", push, 2)[2])
    assert after(name, "gravity=0", rest, 10)[3] != after(name, "nominal", rest, 10)[3]


def test_a_walker_slips_on_a_floor_without_friction() -> None:
    plant = make_plant("Hopper-v5", "friction=0.1+mass=2").unwrapped
    built = make_plant("Hopper-v5").unwrapped
    np.testing.assert_allclose(plant.model.geom_friction[:, 0], 0.1)
    np.testing.assert_allclose(plant.model.body_mass, 2 * built.model.body_mass)


def test_a_lander_is_changed_again_at_every_reset() -> None:
    plant = make_plant("LunarLander-v3", "mass=2+damping=0.5+friction=0.9+gravity=5")
    built = make_plant("LunarLander-v3")
    built.reset(seed=0)
    for seed in range(2):
        plant.reset(seed=seed)
        lander = plant.unwrapped.lander
        assert lander.mass == pytest.approx(2 * built.unwrapped.lander.mass)
        assert lander.linearDamping == pytest.approx(0.5)
        assert lander.fixtures[0].friction == pytest.approx(0.9)
        assert plant.unwrapped.world.gravity[1] == pytest.approx(-5)


def test_wind_blows_a_lander_away() -> None:
    still, blown = (after("LunarLander-v3", v, 0, 40)[2] for v in ("nominal", "wind=20"))
    assert abs(blown - still) > 0.05


def test_refuses_a_constant_that_the_plant_does_not_have() -> None:
    with pytest.raises(UsageError, match="has no friction .* gravity, length, mass"):
        make_plant("Pendulum-v1", "friction=0.5")
    with pytest.raises(UsageError, match="nothing of that kind"):
        make_plant("Acrobot-v1", "mass=2")


def test_every_variant_of_a_suite_can_be_flown() -> None:
    for env_id, suite in SUITES.items():
        assert len(suite) == len(set(suite)) >= 10
        for variant in suite:
            plant = make_plant(env_id, variant)
            plant.action_space.seed(0)
            plant.reset(seed=0)
            obs = plant.step(plant.action_space.sample())[0]
            assert np.isfinite(obs).all(), (env_id, variant)
