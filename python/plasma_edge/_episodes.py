"""Policies in Gymnasium environments. Gymnasium is imported when an environment is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from plasma_edge._errors import UsageError

if TYPE_CHECKING:
    from plasma_edge._core import Policy


def make_env(env_id: str) -> Any:
    """The environment, or a UsageError that says what is missing."""
    try:
        import gymnasium
    except ImportError as error:
        raise UsageError("--env needs Gymnasium: pip install 'plasma-edge[gym]'") from error
    try:
        return gymnasium.make(env_id)
    except gymnasium.error.Error as error:
        raise UsageError(f"cannot make environment {env_id!r}: {error}") from error


def fly(policy: Policy, env: Any, seed: int) -> float:
    """The return of one episode; the policy starts from a reset state."""
    policy.reset()
    obs, _ = env.reset(seed=seed)
    total, ended = 0.0, False
    while not ended:
        obs, reward, terminated, truncated, _ = env.step(policy(obs))
        total += float(reward)
        ended = terminated or truncated
    return total
