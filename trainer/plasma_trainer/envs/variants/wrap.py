# SPDX-License-Identifier: Apache-2.0
"""From faults to a plant that has them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import gymnasium as gym
from gymnasium import spaces

from plasma_trainer.envs.actuator import Actuator
from plasma_trainer.envs.variants import cameras, motors, sensors
from plasma_trainer.envs.variants.bodies import has_constant, with_constant
from plasma_trainer.envs.variants.spec import Fault
from plasma_trainer.errors import UsageError

Plant = gym.Env[Any, Any]

SHELLS: dict[str, Callable[[Plant, Fault], Plant]] = {
    "motor.bias": motors.MotorBias,
    "motor.delay": motors.MotorDelay,
    "sensor.gain": sensors.SensorGain,
    "sensor.bias": sensors.SensorBias,
    "sensor.noise": sensors.SensorNoise,
    "sensor.dropout": sensors.SensorDropout,
    "sensor.swap": sensors.SensorSwap,
    "camera.shift": cameras.CameraShift,
}


def with_faults(env: Plant, faults: Iterable[Fault]) -> Plant:
    """`env` with `faults`, the first one innermost; random ones draw from the plant's own generator, so that
    `reset(seed=...)` seeds them too. Raises UsageError for a fault that this plant cannot have.
    """
    for fault in faults:
        env = _with(env, fault)
    return env


def _with(env: Plant, fault: Fault) -> Plant:
    if fault.name in SHELLS:
        return SHELLS[fault.name](env, fault)
    discrete = isinstance(env.action_space, spaces.Discrete)
    if fault.name == "motor.noise":
        return motors.RandomChoices(env, fault) if discrete else motors.MotorNoise(env, fault)
    if fault.name == "motor" and not has_constant(env, "motor"):
        return _mirror(env, fault) if discrete else motors.MotorGain(env, fault)
    return with_constant(env, fault)


def _mirror(env: Plant, fault: Fault) -> Plant:
    if fault.value != -1:
        raise UsageError(
            f"motor={fault.value:g}: {env.action_space} knows no weaker action; expected -1 (wired backwards)"
        )
    return Actuator(env, reversed_=True)
