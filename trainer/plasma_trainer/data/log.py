# SPDX-License-Identifier: Apache-2.0
"""Real experience as whole episodes: what worlds with a memory learn from, and what worlds are judged on.

Observations are vectors (float32) or frames (uint8, [C, H, W]); frames stay bytes until a network sees them.
Shapes: E episodes, B batch, T steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.data.transitions import Transitions
from plasma_trainer.errors import UsageError


@dataclass(frozen=True)
class Trajectory:
    """T real steps from a reset on: obs [T + 1, ...], action [T] int64 or [T, A] float32, reward [T] float32.

    `terminated` says whether the last step ended the episode, or only the log of it.
    """

    obs: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    terminated: bool

    def __post_init__(self) -> None:
        steps = len(self.reward)
        if steps == 0 or len(self.action) != steps or len(self.obs) != steps + 1:
            raise UsageError(
                f"a trajectory has {len(self.obs)} observations, {len(self.action)} actions and {steps} rewards; "
                "expected T + 1, T and T, T at least 1"
            )
        for name in ("obs", "action", "reward"):
            if not np.isfinite(getattr(self, name)).all():
                raise UsageError(f"a trajectory's {name} holds NaN or infinity; leave it out")

    def __len__(self) -> int:
        return len(self.reward)


@dataclass(frozen=True)
class Sequences:
    """B stretches of T steps: obs [B, T + 1, ...]; action [B, T] or [B, T, A]; reward [B, T]; terminated [B, T] bool.

    `real` [B, T] bool: the step happened; the rest is padding behind the end of a short episode.
    """

    obs: Tensor
    action: Tensor
    reward: Tensor
    terminated: Tensor
    real: Tensor

    def to(self, device: torch.device) -> Sequences:
        """The same stretches on `device`."""
        return Sequences(*(getattr(self, f.name).to(device) for f in fields(self)))

    def transitions(self) -> dict[str, Tensor]:
        """The real steps as columns [N, ...]; see Transitions."""
        columns = {
            "obs": self.obs[:, :-1],
            "action": self.action,
            "reward": self.reward,
            "next_obs": self.obs[:, 1:],
            "terminated": self.terminated,
        }
        return {name: column[self.real] for name, column in columns.items()}


@dataclass(frozen=True)
class Log:
    """E whole episodes of one environment."""

    episodes: tuple[Trajectory, ...]

    def __post_init__(self) -> None:
        if not self.episodes:
            raise UsageError("a log without episodes; collect at least one")

    @property
    def steps(self) -> int:
        """Real steps in all episodes."""
        return sum(map(len, self.episodes))

    def __add__(self, other: Log) -> Log:
        return Log(self.episodes + other.episodes)

    def split(self, shares: tuple[float, ...], seed: int) -> tuple[Log, ...]:
        """Disjoint logs with about these shares of the episodes, whole ones, at random; shares add up to 1."""
        if len(self.episodes) < len(shares):
            raise UsageError(
                f"cannot split {len(self.episodes)} episodes into {len(shares)} logs; collect more real steps"
            )
        order = np.random.default_rng(seed).permutation(len(self.episodes))
        ends = np.round(np.cumsum(shares) * len(order)).astype(int)
        for index in range(len(ends)):  # at least one episode each
            ends[index] = max(ends[index], index + 1)
            ends[index] = min(ends[index], len(order) - (len(ends) - 1 - index))
        parts = np.split(order, ends[:-1])
        return tuple(Log(tuple(self.episodes[i] for i in part)) for part in parts)

    def batch(self, size: int, steps: int, generator: torch.Generator) -> Sequences:
        """`size` stretches of `steps` steps. Every real step is equally likely to be aimed at."""
        ends = np.cumsum([len(episode) for episode in self.episodes])
        aims = torch.randint(int(ends[-1]), (size,), generator=generator).numpy()
        owners = np.searchsorted(ends, aims, side="right")
        stretches = []
        for aim, owner in zip(aims, owners, strict=True):
            episode = self.episodes[owner]
            offset = int(aim - (ends[owner] - len(episode)))
            stretches.append((episode, min(offset, max(0, len(episode) - steps))))
        return _stack(stretches, steps)

    def whole(self) -> Sequences:
        """Every episode from its reset on, all padded to the longest."""
        return _stack([(episode, 0) for episode in self.episodes], max(map(len, self.episodes)))

    def pieces(self, steps: int = 32) -> Sequences:
        """Every real step exactly once, in stretches of `steps`: all of the log without much padding."""
        cuts = [(e, start) for e in self.episodes for start in range(0, len(e), steps)]
        return _stack(cuts, steps)

    def table(self) -> Transitions:
        """Every step as a row of one table, in order."""
        parts = self.episodes
        ends = [np.arange(len(e)) == len(e) - 1 for e in parts]
        terminated = [end & e.terminated for end, e in zip(ends, parts, strict=True)]
        return Transitions(
            obs=np.concatenate([e.obs[:-1] for e in parts]),
            action=np.concatenate([e.action for e in parts]),
            reward=np.concatenate([e.reward for e in parts]),
            next_obs=np.concatenate([e.obs[1:] for e in parts]),
            terminated=np.concatenate(terminated),
            truncated=np.concatenate(ends) & ~np.concatenate(terminated),
        )

    def seen_as(self, encode: Callable[[Tensor], Tensor]) -> Log:
        """The same episodes with every observation encoded, [T + 1, ...] at a time."""
        return Log(
            tuple(
                Trajectory(
                    encode(torch.from_numpy(e.obs)).numpy(), e.action, e.reward, e.terminated
                )
                for e in self.episodes
            )
        )

    def save(self, path: Path) -> None:
        """Write an .npz that is either whole or not there."""
        scratch = path.with_suffix(".tmp.npz")
        np.savez_compressed(
            scratch,
            obs=np.concatenate([e.obs for e in self.episodes]),
            action=np.concatenate([e.action for e in self.episodes]),
            reward=np.concatenate([e.reward for e in self.episodes]),
            terminated=np.array([e.terminated for e in self.episodes]),
            lengths=np.array([len(e) for e in self.episodes]),
        )
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Log:
        """Read what `save` wrote. Raises UsageError when the file is not a log."""
        with np.load(path, allow_pickle=False) as columns:
            expected = {"obs", "action", "reward", "terminated", "lengths"}
            if set(columns) != expected:
                raise UsageError(
                    f"{path} holds columns {sorted(columns)}; expected {sorted(expected)}; "
                    "pass a file written by Log.save"
                )
            ends = np.cumsum(columns["lengths"])
            parts = zip(
                np.split(columns["obs"], (ends + np.arange(1, len(ends) + 1))[:-1]),
                np.split(columns["action"], ends[:-1]),
                np.split(columns["reward"], ends[:-1]),
                columns["terminated"].tolist(),
                strict=True,
            )
            return cls(tuple(Trajectory(*part) for part in parts))


def collect_log(
    env: gym.Env[Any, Any], act: Callable[[np.ndarray], Any], steps: int, seed: int, longest: int
) -> Log:
    """At least `steps` real steps under `act` (obs -> action), in whole episodes that are cut after `longest` steps."""
    episodes: list[Trajectory] = []
    while sum(map(len, episodes)) < steps:
        episodes.append(_episode(env, act, None if episodes else seed, longest))
    return Log(tuple(episodes))


def _episode(
    env: gym.Env[Any, Any], act: Callable[[np.ndarray], Any], seed: int | None, longest: int
) -> Trajectory:
    frames = env.observation_space.dtype == np.uint8
    discrete = isinstance(env.action_space, spaces.Discrete)
    seen = [np.asarray(env.reset(seed=seed)[0], np.uint8 if frames else np.float32)]
    actions, rewards = [], []
    terminated = truncated = False
    while not (terminated or truncated) and len(rewards) < longest:
        actions.append(act(seen[-1]))
        obs, reward, terminated, truncated, _ = env.step(actions[-1])
        seen.append(np.asarray(obs, seen[0].dtype))
        rewards.append(reward)
    return Trajectory(
        np.stack(seen),
        np.array(actions, np.int64 if discrete else np.float32),
        np.array(rewards, np.float32),
        bool(terminated),
    )


def _stack(stretches: list[tuple[Trajectory, int]], steps: int) -> Sequences:
    """Stretches that begin at an offset into an episode; the last row of a short one is repeated."""
    columns = zip(*(_stretch(episode, offset, steps) for episode, offset in stretches), strict=True)
    return Sequences(*(torch.from_numpy(np.stack(column)) for column in columns))


def _stretch(episode: Trajectory, offset: int, steps: int) -> tuple[np.ndarray, ...]:
    at = np.minimum(np.arange(offset, offset + steps + 1), len(episode))
    step = np.minimum(at[:-1], len(episode) - 1)
    real = np.arange(offset, offset + steps) < len(episode)
    terminated = (at[:-1] == len(episode) - 1) & episode.terminated
    return episode.obs[at], episode.action[step], episode.reward[step], terminated, real
