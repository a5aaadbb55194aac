# SPDX-License-Identifier: Apache-2.0
"""What must never happen, said of observations: an entry that leaves its range."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.errors import UsageError


@dataclass(frozen=True)
class Limit:
    """Entry `entry` of the observation is to stay within [low, high], in its own unit."""

    entry: int
    low: float
    high: float

    @classmethod
    def of(cls, text: str) -> Limit:
        """From ENTRY:LOW:HIGH, e.g. 2:-0.2:0.2; a side left empty is free. Raises UsageError."""
        try:
            entry, low, high = text.split(":")
            limit = cls(int(entry), float(low or "-inf"), float(high or "inf"))
        except ValueError as error:
            raise UsageError(
                f"found limit {text!r}; expected ENTRY:LOW:HIGH, e.g. 2:-0.2:0.2"
            ) from error
        if limit.entry < 0 or not limit.low < limit.high:
            raise UsageError(f"found limit {text!r}; expected an entry from 0 and LOW below HIGH")
        return limit


def broken(limits: Sequence[Limit], obs: Tensor) -> Tensor:
    """[...] bool: which observations [..., O] are outside any limit. Raises UsageError for an entry that is none."""
    found = torch.zeros(obs.shape[:-1], dtype=torch.bool)
    for limit in limits:
        if limit.entry >= obs.shape[-1]:
            raise UsageError(
                f"found a limit on entry {limit.entry}; the observation has {obs.shape[-1]} entries, from 0"
            )
        entry = obs[..., limit.entry]
        found |= (entry < limit.low) | (entry > limit.high)
    return found
