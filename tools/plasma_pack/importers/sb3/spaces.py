# SPDX-License-Identifier: Apache-2.0
"""Observation and action spaces of gym and Gymnasium, every version that Stable-Baselines3 knew, as
records.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from plasma_pack.errors import SourceError
from plasma_pack.importers.state_dict.arrays import AnyArray, array, dtype
from plasma_pack.importers.state_dict.pickles import Object

MAX_NUMBERS = 1 << 20  # a picture of 512 × 512, four times
_PACKAGE = "gymnasium.spaces."


@dataclass(frozen=True, eq=False)
class Box:
    """low, high: float64 of the shape, maybe infinite."""

    low: AnyArray
    high: AnyArray
    dtype: np.dtype[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        return self.low.shape

    @property
    def is_image(self) -> bool:
        """As Stable-Baselines3 sees it: bytes of [channels, height, width], the whole range."""
        is_whole = not self.low.any() and bool((self.high == 255).all())
        return len(self.shape) == 3 and self.dtype == np.uint8 and is_whole


@dataclass(frozen=True)
class Discrete:
    n: int


@dataclass(frozen=True)
class MultiDiscrete:
    """sizes: the choices of each index."""

    sizes: tuple[int, ...]


@dataclass(frozen=True)
class MultiBinary:
    shape: tuple[int, ...]


@dataclass(frozen=True)
class Dict:
    spaces: Mapping[str, Flat]


Flat = Box | Discrete | MultiDiscrete | MultiBinary
Space = Flat | Dict


def space(value: Any, what: str) -> Space:
    """A space from its pickle. Raises SourceError for one that no policy can have here."""
    kind = value.type.rpartition(".")[2] if isinstance(value, Object) else type(value).__name__
    is_space = isinstance(value, Object) and value.type.startswith(_PACKAGE)
    if not is_space or kind not in _READERS:
        known = ", ".join([*_READERS, "Dict"])
        if is_space and kind == "Dict":
            return _dict(value, what)
        raise SourceError(f"{what} is of kind {kind}, expected one of {known}")
    try:
        read = _READERS[kind](_state(value), what)
        if not 1 <= _numbers(read) <= MAX_NUMBERS:
            raise ValueError(f"it has {_numbers(read):,} numbers, expected 1 to {MAX_NUMBERS:,}")
        return read
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise SourceError(f"{what} is a broken {kind}: {error}") from error


def _numbers(space: Flat) -> int:
    if isinstance(space, Box):
        return space.low.size
    if isinstance(space, MultiBinary):
        return math.prod(space.shape)
    return sum(space.sizes) if isinstance(space, MultiDiscrete) else space.n


def _dict(value: Object, what: str) -> Dict:
    members = _state(value).get("spaces")
    if not isinstance(members, dict) or not members:
        raise SourceError(f"{what} is a Dict without spaces")
    read = {str(key): space(member, f"{what}[{key!r}]") for key, member in members.items()}
    if nested := [key for key, member in read.items() if isinstance(member, Dict)]:
        raise SourceError(f"{what} has a Dict inside a Dict ({nested[0]!r}); flatten it")
    return Dict({key: member for key, member in read.items() if not isinstance(member, Dict)})


def _state(value: Object) -> dict[str, Any]:
    return value.state if isinstance(value.state, dict) else {}


def _box(state: dict[str, Any], what: str) -> Box:
    low, high = (
        array(state[name], f"{what}.{name}").astype(np.float64) for name in ("low", "high")
    )
    if not (low <= high).all():
        raise ValueError("low exceeds high")
    return Box(low, high, dtype(state["dtype"]))


def _discrete(state: dict[str, Any], what: str) -> Discrete:
    if int(array(state.get("start", 0), f"{what}.start")) != 0:
        raise SourceError(f"{what} does not start at 0, which Stable-Baselines3 does not support")
    return Discrete(_size(array(state["n"], f"{what}.n")))


def _multi_discrete(state: dict[str, Any], what: str) -> MultiDiscrete:
    sizes = array(state["nvec"], f"{what}.nvec")
    if sizes.ndim != 1 or not sizes.size:
        raise ValueError(f"its sizes are {sizes.shape}, expected a vector")
    return MultiDiscrete(tuple(_size(size) for size in sizes))


def _multi_binary(state: dict[str, Any], what: str) -> MultiBinary:
    sizes = array(state["n"], f"{what}.n").reshape(-1)
    return MultiBinary(tuple(_size(size) for size in sizes))


def _size(value: Any) -> int:
    if not 1 <= int(value) <= 1 << 20:
        raise ValueError(f"it has the size {int(value)}")
    return int(value)


_READERS: Mapping[str, Callable[[dict[str, Any], str], Flat]] = {
    "Box": _box,
    "Discrete": _discrete,
    "MultiBinary": _multi_binary,
    "MultiDiscrete": _multi_discrete,
}
