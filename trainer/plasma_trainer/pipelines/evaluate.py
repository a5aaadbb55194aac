# SPDX-License-Identifier: Apache-2.0
"""What an act function is worth on a plant, and when that is worth believing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np

import plasma_edge
from plasma_trainer.data import derive
from plasma_trainer.envs import Act, Actuator, episode_returns, fly, make_plant
from plasma_trainer.errors import UsageError

QUICK_EPISODES = 10
CONFIRMING_EPISODES = 50
ONE_SIDED_95 = 1.645


@dataclass(frozen=True)
class Returns:
    """Undiscounted returns of deterministic episodes with fresh seeds. None of their steps is learnt from."""

    mean: float
    low: float  # 95 % lower confidence bound of the mean
    worst: float
    episodes: int

    def __str__(self) -> str:
        return (
            f"{self.mean:.1f} (mean of {self.episodes} episodes, at least {self.low:.1f}, "
            f"worst {self.worst:.1f})"
        )

    @classmethod
    def of(cls, totals: np.ndarray) -> Returns:
        """From totals [N], N at least 2."""
        error = totals.std(ddof=1) / np.sqrt(len(totals))
        low = float(totals.mean() - ONE_SIDED_95 * error)
        return cls(float(totals.mean()), low, float(totals.min()), len(totals))


def evaluate(env_id: str | None, variant: str, act: Act, episodes: int, seed: int) -> Returns:
    """Closed-loop returns of any act function over `episodes` fresh episodes of a plant that is made for it."""
    return evaluate_on(make_plant(env_id, variant), act, episodes, seed)


def evaluate_on(plant: gym.Env[Any, Any], act: Act, episodes: int, seed: int) -> Returns:
    """The same on a plant that is there, however it is seen."""
    return Returns.of(_fly(plant, act, episodes, seed))


def returns_of(env_id: str, variant: str, act: Act, episodes: int, seed: int) -> np.ndarray:
    """The single returns [episodes] behind `evaluate`, always of the same starts for the same seed."""
    return _fly(make_plant(env_id, variant), act, episodes, seed)


def _fly(plant: gym.Env[Any, Any], act: Act, episodes: int, seed: int) -> np.ndarray:
    seeds = (derive(seed, "evaluate", index) for index in range(episodes))
    return episode_returns(plant, act, seeds)


def passes(plant: gym.Env[Any, Any], act: Act, threshold: float, seed: int) -> tuple[bool, Returns]:
    """Whether `act` is worth `threshold`: 10 episodes look promising, and 50 fresh ones confirm it.

    The confirmation asks for the lower confidence bound, so that a lucky evaluation does not end a run. Returns the
    verdict and the returns it rests on.
    """
    quick = evaluate_on(plant, act, QUICK_EPISODES, derive(seed, "quick"))
    if quick.mean < threshold:
        return False, quick
    confirmed = evaluate_on(plant, act, CONFIRMING_EPISODES, derive(seed, "confirm"))
    return confirmed.low >= threshold, confirmed


def load_packet(packet: Path, adapter: Path | None, trust: Path | None) -> Act:
    """The act function of a signed packet, with an adapter attached or without. Raises plasma_edge's errors."""
    if trust is None:
        raise UsageError(
            "a packet is only flown when its signature is trusted; pass --trust KEY.pub"
        )
    policy = plasma_edge.Policy.load(packet, trust=trust)
    if adapter is not None:
        policy.attach(adapter, name="adapter")
    return policy


def agreement(obs: np.ndarray, first: Act, second: Act, tolerance: float = 0.0) -> float:
    """Share of observations [N, O] for which two act functions differ by no more than `tolerance`."""
    close = [np.max(np.abs(np.subtract(first(o), second(o)))) <= tolerance for o in obs]
    return float(np.mean(close))


def midstride(
    env_id: str,
    act: Act,
    flip_tick: int,
    on_flip: Callable[[bool], None],
    episodes: int,
    seed: int,
) -> Returns:
    """Returns of episodes that start whole and whose motor is reversed just before action `flip_tick`.

    `on_flip(False)` runs before every episode and `on_flip(True)` at the flip, on the same tick: the place to detach
    and attach an adapter.
    """
    totals = []
    for index in range(episodes):
        plant = make_plant(env_id)
        on_flip(False)

        def flip(tick: int, plant: Actuator = plant) -> None:
            if tick == flip_tick:
                plant.reverse()
                on_flip(True)

        totals.append(fly(plant, act, derive(seed, "midstride", index), flip).total)
    return Returns.of(np.array(totals))
