"""Untrained agents of Stable-Baselines3 on spaces of any kind, and what packets make of them.

Their weights are moved at random, for a fresh PPO does almost the same whatever it sees.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch

import plasma_edge as pe
import plasma_pack as pp
from plasma_pack.packet.keys import Key

Space = gym.spaces.Space[Any]


class Nowhere(gym.Env[Any, Any]):
    """Observations drawn from their space; nothing ever happens."""

    def __init__(self, observed: Space, acted: Space) -> None:
        self.observation_space, self.action_space = observed, acted

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[Any, dict[str, Any]]:
        return self.observation_space.sample(), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return self.observation_space.sample(), 0.0, False, False, {}


def box(*shape: int, low: float = -1.0, high: float = 1.0) -> gym.spaces.Box:
    return gym.spaces.Box(low, high, shape, np.float32)


def image(*shape: int) -> gym.spaces.Box:
    return gym.spaces.Box(0, 255, shape, np.uint8)


def shaken(model: Any, spread: float = 0.5, seed: int = 1) -> Any:
    """The model with other weights: actions that differ from observation to observation."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in model.policy.parameters():
            fan = max(parameter.shape[-1] if parameter.ndim else 1, 4)
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.add_(noise * spread * (4 / fan) ** 0.5)
        for name, statistics in model.policy.named_buffers():
            if name.rpartition(".")[2] in ("ra_mean", "ra_var"):
                statistics.add_(torch.rand(statistics.shape, generator=generator))
    return model


def saved(model: Any, folder: Path) -> Path:
    """As a user has it on disk."""
    model.save(folder / "model.zip")
    return folder / "model.zip"


def observations(space: Space, count: int, seed: int = 3) -> list[Any]:
    space.seed(seed)
    return [space.sample() for _ in range(count)]


def pictures(count: int, height: int, width: int, channels: int) -> list[np.ndarray]:
    """Four by four blocks of a brightness each, for noise looks all the same to a network."""
    blocks = np.random.default_rng(5).integers(256, size=(count, 4, 4, channels), dtype=np.uint8)
    return list(blocks.repeat(height // 4, axis=1).repeat(width // 4, axis=2))


def load(source: Path | bytes, key: Key, trust: bytes, **options: Any) -> pe.Policy:
    return pe.Policy.load(pp.build(source, key=key, **options).data, trust=trust)


def predicted(model: Any, obs: list[Any]) -> np.ndarray:
    """Actions of the source, from the start of an episode."""
    state, is_start, actions = None, np.ones(1, bool), []
    for row in obs:
        action, state = model.predict(row, state, is_start, deterministic=True)
        actions.append(np.array(action))
        is_start = np.zeros(1, bool)
    return np.stack(actions)


def flown(policy: pe.Policy, obs: list[Any]) -> np.ndarray:
    """Actions of the packet, from reset. An index is given to it as a vector of one."""
    policy.reset()
    rows = [
        {name: np.atleast_1d(value) for name, value in row.items()}
        if isinstance(row, dict)
        else np.atleast_1d(row)
        for row in obs
    ]
    return np.stack([np.array(policy(row)) for row in rows])


def difference(wanted: np.ndarray, found: np.ndarray, space: Space) -> float:
    """Of choices the share that is not the same, else the root mean square in parts of the range."""
    assert wanted.shape == found.shape
    if not isinstance(space, gym.spaces.Box):
        return float(np.mean(wanted != found))
    return float(np.sqrt(np.mean(((wanted - found) / (space.high - space.low)) ** 2)))


def noise(wanted: np.ndarray, found: np.ndarray) -> float:
    """Root mean square difference in parts of how much the actions differ among themselves."""
    assert wanted.shape == found.shape
    return float(np.sqrt(np.mean((wanted - found) ** 2)) / wanted.std())
