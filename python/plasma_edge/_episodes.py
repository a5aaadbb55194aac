"""Policies in Gymnasium environments. Gymnasium is imported when an environment is made."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

from plasma_edge._errors import UsageError

if TYPE_CHECKING:
    from plasma_edge._core import Policy
    from plasma_edge._types import IoInfo

# Ids that Gymnasium has retired, and those under which observations, actions and rewards went on.
RETIRED = {
    "BipedalWalker-v2": "BipedalWalker-v3",
    "BipedalWalkerHardcore-v2": "BipedalWalkerHardcore-v3",
    "CarRacing-v2": "CarRacing-v3",
    "LunarLander-v2": "LunarLander-v3",
    "LunarLanderContinuous-v2": "LunarLanderContinuous-v3",
    "Pendulum-v0": "Pendulum-v1",
}


def make_env(env_id: str, policy: Policy) -> Any:
    """An environment that takes the policy's actions, or a UsageError that says what is missing."""
    try:
        import gymnasium
    except ImportError as error:
        raise UsageError("--env needs Gymnasium: pip install 'plasma-edge[gym]'") from error
    try:
        env = gymnasium.make(RETIRED.get(env_id, env_id))
    except (gymnasium.error.Error, ImportError) as error:
        raise UsageError(f"cannot make environment {env_id!r}: {error}") from error
    output, space = _acting(policy), env.action_space
    is_choice = output.dtype == "int32"
    if isinstance(space, gymnasium.spaces.Discrete) != is_choice or prod(space.shape or ()) != prod(
        output.shape
    ):
        raise UsageError(
            f"{env_id} takes actions {space}, found an output {output.name!r} of "
            f"{output.dtype}{list(output.shape)}; fly the environment that the policy was made for"
        )
    return env


def act(policy: Policy, env: Any, obs: Any) -> Any:
    """What the environment is told: of several outputs, the only actuator. Several choices leave a
    policy as float32, and environments take them as whole numbers.
    """
    action = policy(_as_declared(policy, obs))
    action = action[_acting(policy).name] if isinstance(action, dict) else action
    is_whole = np.issubdtype(env.action_space.dtype, np.integer)
    if isinstance(action, np.ndarray) and is_whole:
        return action.astype(env.action_space.dtype)
    return action


def _as_declared(policy: Policy, obs: Any) -> Any:
    """An index, which an environment gives as a number, is a vector of one element to a policy."""
    if isinstance(obs, dict):
        return {name: np.atleast_1d(value) for name, value in obs.items()}
    return np.atleast_1d(obs) if np.ndim(obs) == 0 else obs


def fly(policy: Policy, env: Any, seed: int) -> float:
    """The return of one episode; the policy starts from a reset state."""
    policy.reset()
    obs, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        obs, reward, terminated, truncated, _ = env.step(act(policy, env, obs))
        total += float(reward)
        ended = terminated or truncated
    return total


def _acting(policy: Policy) -> IoInfo:
    outputs = policy.outputs
    acting = outputs if len(outputs) == 1 else [io for io in outputs if io.is_actuator]
    if len(acting) != 1:
        raise UsageError(
            f"an environment takes one action, found the outputs {[io.name for io in outputs]} and "
            f"the actuators {[io.name for io in acting]}; build the packet with one actuator"
        )
    return acting[0]
