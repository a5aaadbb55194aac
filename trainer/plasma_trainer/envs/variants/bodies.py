# SPDX-License-Identifier: Apache-2.0
"""Bodies that are not as built: the physical constants of Gymnasium's own plants.

A plant is changed in place once (or, where it builds its bodies anew at every reset, after each of them); a constant
that a plant does not have is refused, and never imitated.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gymnasium as gym

from plasma_trainer.envs.variants.spec import Fault
from plasma_trainer.errors import UsageError

Change = Callable[[Any, float], None]
"""Sets a constant of an unwrapped environment."""


def _cartpole_mass(env: Any, factor: float) -> None:
    env.masspole *= factor
    env.total_mass = env.masspole + env.masscart
    env.polemass_length = env.masspole * env.length


def _cartpole_length(env: Any, factor: float) -> None:
    env.length *= factor
    env.polemass_length = env.masspole * env.length


def _cartpole_motor(env: Any, gain: float) -> None:
    env.force_mag *= gain


def _mujoco_gravity(env: Any, gravity: float) -> None:
    env.model.opt.gravity[2] = -gravity


def _mujoco_mass(env: Any, factor: float) -> None:
    env.model.body_mass[:] *= factor
    env.model.body_inertia[:] *= factor
    _renew(env)


def _mujoco_friction(env: Any, coefficient: float) -> None:
    env.model.geom_friction[:, 0] = coefficient


def _mujoco_damping(env: Any, damping: float) -> None:
    env.model.dof_damping[:] = damping


def _pole_mass(env: Any, factor: float) -> None:
    pole = env.model.body("pole").id
    env.model.body_mass[pole] *= factor
    env.model.body_inertia[pole] *= factor
    _renew(env)


def _pole_length(env: Any, factor: float) -> None:
    """A rod of equal mass: its centre moves out with the length, its inertia grows with the square."""
    pole, rod = env.model.body("pole").id, env.model.geom("cpole").id
    env.model.body_ipos[pole] *= factor
    env.model.body_inertia[pole] *= factor**2
    env.model.geom_pos[rod] *= factor
    env.model.geom_size[rod, 1] *= factor
    _renew(env)


def _renew(env: Any) -> None:
    """What MuJoCo derives from masses when it compiles a model."""
    import mujoco

    mujoco.mj_setConst(env.model, env.data)


def _lander_mass(env: Any, factor: float) -> None:
    for body in (env.lander, *env.legs):
        for fixture in body.fixtures:
            fixture.density *= factor
        body.ResetMassData()


def _lander_friction(env: Any, coefficient: float) -> None:
    for body in (env.moon, env.lander, *env.legs):
        for fixture in body.fixtures:
            fixture.friction = coefficient


def _lander_damping(env: Any, damping: float) -> None:
    env.lander.linearDamping = damping


def _lander_gravity(env: Any, gravity: float) -> None:
    env.gravity = -gravity


def _lander_wind(env: Any, power: float) -> None:
    env.enable_wind, env.wind_power = True, power


def _set(name: str, is_factor: bool = False) -> Change:
    def change(env: Any, value: float) -> None:
        setattr(env, name, value * getattr(env, name) if is_factor else value)

    return change


MUJOCO: dict[str, Change] = {
    "gravity": _mujoco_gravity,
    "mass": _mujoco_mass,
    "friction": _mujoco_friction,
    "damping": _mujoco_damping,
}
# Class of the plant -> what can be changed once.
BODIES: dict[str, dict[str, Change]] = {
    "CartPoleEnv": {
        "motor": _cartpole_motor,
        "gravity": _set("gravity"),
        "mass": _cartpole_mass,
        "length": _cartpole_length,
    },
    "PendulumEnv": {
        "gravity": _set("g"),
        "mass": _set("m", is_factor=True),
        "length": _set("l", is_factor=True),
    },
    "LunarLander": {"gravity": _lander_gravity, "wind": _lander_wind},
    "InvertedPendulumEnv": MUJOCO | {"mass": _pole_mass, "length": _pole_length},
}
# ... and what is built anew at every reset.
AT_RESET: dict[str, dict[str, Change]] = {
    "LunarLander": {
        "mass": _lander_mass,
        "friction": _lander_friction,
        "damping": _lander_damping,
    },
}


class Rebuilt(gym.Wrapper[Any, Any, Any, Any]):
    """Changes a plant again after each reset."""

    def __init__(self, env: gym.Env[Any, Any], change: Change, value: float) -> None:
        super().__init__(env)
        self.change, self.value = change, value

    def reset(self, **kwargs: Any) -> Any:
        result = self.env.reset(**kwargs)
        self.change(self.unwrapped, self.value)
        return result


def has_constant(env: gym.Env[Any, Any], name: str) -> bool:
    """Whether the plant has such a constant of its own."""
    once, at_reset = _tables(env)
    return name in once | at_reset


def with_constant(env: gym.Env[Any, Any], fault: Fault) -> gym.Env[Any, Any]:
    """The plant with another constant. Raises UsageError when it has none of that name."""
    once, at_reset = _tables(env)
    if fault.name in at_reset:
        return Rebuilt(env, at_reset[fault.name], fault.value)
    if fault.name not in once:
        known = ", ".join(sorted(once | at_reset)) or "nothing of that kind"
        raise UsageError(
            f"{type(env.unwrapped).__name__} has no {fault.name} that could be changed; it has: {known}"
        )
    once[fault.name](env.unwrapped, fault.value)
    return env


def _tables(env: gym.Env[Any, Any]) -> tuple[dict[str, Change], dict[str, Change]]:
    plant = env.unwrapped
    name = type(plant).__name__
    general = MUJOCO if hasattr(plant, "model") and hasattr(plant, "frame_skip") else {}
    return BODIES.get(name, general), AT_RESET.get(name, {})
