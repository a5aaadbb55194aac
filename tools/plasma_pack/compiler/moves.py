# SPDX-License-Identifier: Apache-2.0
"""Which movements of elements are walks: element [i0, i1, …] of the result is element
begin + i0 · s0 + i1 · s1 + … of the source, and so one `strided`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Order = npt.NDArray[np.int64]
MAX_AXES = 4
MAX_STRIDE = 1 << 24


@dataclass(frozen=True)
class Walk:
    """A stride for each axis of dims."""

    begin: int
    dims: tuple[int, ...]
    strides: tuple[int, ...]

    @property
    def is_sayable(self) -> bool:
        small = all(abs(number) <= MAX_STRIDE for number in (self.begin, *self.strides))
        return small and len(self.dims) <= MAX_AXES

    @property
    def immediates(self) -> tuple[float, ...]:
        missing = MAX_AXES - len(self.strides)
        return (float(self.begin), *[0.0] * missing, *map(float, self.strides))


def extent(dims: tuple[int, ...], immediates: tuple[float, ...]) -> tuple[int, int]:
    """The first and the last element that a `strided` of these dims reads."""
    begin, *strides = (int(number) for number in immediates)
    reach = [(size - 1) * stride for size, stride in zip(dims[::-1], strides[::-1], strict=False)]
    return begin + sum(min(0, r) for r in reach), begin + sum(max(0, r) for r in reach)


def walk_in(order: Order) -> Walk | None:
    """The walk that gives `order`, index by index, with the axes that it has."""
    origin = order[(0,) * order.ndim]
    strides = tuple(
        int(order[tuple(int(i == axis) for i in range(order.ndim))] - origin) if size > 1 else 0
        for axis, size in enumerate(order.shape)
    )
    expected = origin + sum(
        (np.arange(size) * stride).reshape([-1 if i == axis else 1 for i in range(order.ndim)])
        for axis, (size, stride) in enumerate(zip(order.shape, strides, strict=True))
    )
    walk = Walk(int(origin), order.shape, strides)
    return walk if walk.is_sayable and np.array_equal(order, expected) else None


def walk_through(order: Order) -> Walk | None:
    """The walk with the fewest axes whose elements, one after the other, are `order` [n]."""
    dims: tuple[int, ...] = ()
    rows = order
    while rows.size > 1:
        steps = np.diff(rows)
        breaks = np.flatnonzero(steps != steps[0])
        length = int(breaks[0]) + 1 if breaks.size else rows.size
        if rows.size % length:
            return None
        dims = (length, *dims)
        rows = rows[::length]
    return walk_in(order.reshape(dims or (1,))) if len(dims) <= MAX_AXES else None
