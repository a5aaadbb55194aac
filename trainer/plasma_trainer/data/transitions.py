# SPDX-License-Identifier: Apache-2.0
"""The real experience of a run: a flat, append-only table of transitions."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from plasma_trainer.errors import UsageError


@dataclass(frozen=True)
class Transitions:
    """N real transitions in the order they happened; the last one of a block is marked terminated or truncated.

    obs, next_obs [N, O] float32; action [N] int64 (discrete) or [N, A] float32; reward [N] float32;
    terminated, truncated [N] bool. `next_obs` is the true successor, never the observation after a reset.
    """

    obs: np.ndarray
    action: np.ndarray
    reward: np.ndarray
    next_obs: np.ndarray
    terminated: np.ndarray
    truncated: np.ndarray

    def __post_init__(self) -> None:
        lengths = {field.name: len(getattr(self, field.name)) for field in fields(self)}
        if len(set(lengths.values())) != 1:
            raise UsageError(f"columns have different lengths: {lengths}; expected one row each")

    def __len__(self) -> int:
        return len(self.reward)

    def __add__(self, other: Transitions) -> Transitions:
        columns = ((getattr(self, f.name), getattr(other, f.name)) for f in fields(self))
        return Transitions(*(np.concatenate(pair) for pair in columns))

    @property
    def ended(self) -> np.ndarray:
        """[N] bool: the episode, or the block of collection, ended with this transition."""
        return self.terminated | self.truncated

    @property
    def reset_obs(self) -> np.ndarray:
        """[E, O]: the first observation of every episode."""
        first = np.concatenate([[True], self.ended[:-1]])
        return self.obs[first]

    @property
    def episode_returns(self) -> np.ndarray:
        """[E]: undiscounted return of every episode, the cut ones included."""
        starts = np.flatnonzero(np.concatenate([[True], self.ended[:-1]]))
        return np.add.reduceat(self.reward.astype(np.float64), starts)

    def tensors(self) -> dict[str, Tensor]:
        """The columns as tensors (sharing memory), by name."""
        return {f.name: torch.from_numpy(getattr(self, f.name)) for f in fields(self)}

    def save(self, path: Path) -> None:
        """Write an .npz that is either whole or not there."""
        scratch = path.with_suffix(".tmp.npz")
        np.savez_compressed(scratch, **{f.name: getattr(self, f.name) for f in fields(self)})
        scratch.replace(path)

    @classmethod
    def load(cls, path: Path) -> Transitions:
        """Read what `save` wrote. Raises UsageError when the file is not a transitions table."""
        with np.load(path, allow_pickle=False) as columns:
            expected = {f.name for f in fields(cls)}
            if set(columns) != expected:
                raise UsageError(
                    f"{path} holds columns {sorted(columns)}; expected {sorted(expected)}; "
                    "pass a file written by Transitions.save"
                )
            return cls(**{name: columns[name] for name in expected})
