"""Policies in Gymnasium environments. Gymnasium is imported when an environment is made."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

from plasma_edge._errors import UsageError

if TYPE_CHECKING:
    from plasma_edge._core import Obs, Policy
    from plasma_edge._types import IoInfo


def make_env(env_id: str, policy: Policy) -> Any:
    """An environment that takes the policy's actions, or a UsageError that says what is missing."""
    try:
        import gymnasium
    except ImportError as error:
        raise UsageError("--env needs Gymnasium: pip install 'plasma-edge[gym]'") from error
    try:
        env = gymnasium.make(env_id)
    except gymnasium.error.Error as error:
        raise UsageError(f"cannot make environment {env_id!r}: {error}") from error
    output, space = _acting(policy), env.action_space
    is_choice = output.dtype == "int32"
    if hasattr(space, "n") != is_choice or prod(space.shape or ()) != prod(output.shape):
        raise UsageError(
            f"{env_id} takes actions {space}, found an output {output.name!r} of "
            f"{output.dtype}{list(output.shape)}; fly the environment that the policy was made for"
        )
    return env


def act(policy: Policy, obs: Obs) -> Any:
    """What the environment is told: of several outputs, the only actuator."""
    action = policy(obs)
    return action[_acting(policy).name] if isinstance(action, dict) else action


def fly(policy: Policy, env: Any, seed: int) -> float:
    """The return of one episode; the policy starts from a reset state."""
    policy.reset()
    obs, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        obs, reward, terminated, truncated, _ = env.step(act(policy, obs))
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
