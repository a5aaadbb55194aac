# SPDX-License-Identifier: Apache-2.0
"""Observations out of nothing, of several kinds, for nobody says what a policy sees.

What int8 costs depends on what it reads: a network that stands noise may not stand a hum, or a picture
of few colours. So a third of the observations is noise, a third is flat in blocks and a third swings in
waves, and each kind is judged by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from plasma_pack.program.program import FloatArray

Sizes = tuple[int, ...]
_Values = Callable[[Sizes], FloatArray]

_CELLS = 4  # along an axis
_WAVES = 2  # laid over each other
_SLOWEST, _FASTEST = 0.125, 0.25  # periods along an axis, periods an element
_QUIETEST = 0.05  # of the loudest
_GRID = 4096.0  # a cosine's last bit is not the same on every machine; of this many parts it is not seen
_FREE_PEAK = 2.0  # standard deviations


def draw(
    low: npt.ArrayLike, high: npt.ArrayLike, sizes: Sizes, generator: np.random.Generator
) -> FloatArray:
    """f32 [count, …], sizes: one kind after the other, as `runs` has them. From low to high ([…] or a
    number each), or of about unit spread where low is not less than high.
    """
    low, high = np.asarray(low, np.float32), np.asarray(high, np.float32)
    is_bounded = low < high
    drawn = np.zeros(sizes, np.float32)
    if is_bounded.any():
        drawn = _kinds(lambda few: 2 * generator.random(few, np.float32) - 1, 1, sizes, generator)
        drawn *= (high - low) / 2
        drawn += (high + low) / 2
    if is_bounded.all():
        return drawn
    free = _kinds(
        lambda few: generator.standard_normal(few, np.float32), _FREE_PEAK, sizes, generator
    )
    return np.where(is_bounded, drawn, free)


def runs(count: int) -> list[slice]:
    """Which of so many observations are of one kind."""
    ends = 0, count // 3, 2 * count // 3, count
    return [slice(begin, end) for begin, end in zip(ends, ends[1:], strict=False)]


def _kinds(
    values: _Values, peak: float, sizes: Sizes, generator: np.random.Generator
) -> FloatArray:
    drawn = np.empty(sizes, np.float32)
    noise, blocks, waves = (drawn[run] for run in runs(sizes[0]))
    noise[:] = values(noise.shape)
    blocks[:] = _blocks(values, blocks.shape)
    for observation in waves:
        observation[:] = peak * np.mean(
            [_wave(sizes[1:], generator) for _ in range(_WAVES)], axis=0
        )
    return drawn


def _blocks(values: _Values, sizes: Sizes) -> FloatArray:
    """A few values, each for a range of neighbours along every axis."""
    cells = values((sizes[0], *(min(size, _CELLS) for size in sizes[1:])))
    for axis, size in enumerate(sizes[1:], start=1):
        cells = cells.take(np.arange(size) * cells.shape[axis] // size, axis)
    return cells


def _wave(dims: Sequence[int], generator: np.random.Generator) -> FloatArray:
    """A plane wave within -1 … 1: slow or fast along each axis, loud or quiet."""
    phase = np.full((1,) * len(dims), generator.random())
    for axis, size in enumerate(dims):
        fastest = max(size * _FASTEST, _SLOWEST)
        periods = np.exp(generator.uniform(np.log(_SLOWEST), np.log(fastest)))
        places = np.arange(size).reshape([size if k == axis else 1 for k in range(len(dims))])
        phase = phase + periods / size * places
    loudness = np.exp(generator.uniform(np.log(_QUIETEST), 0))
    wave: FloatArray = np.rint(_GRID * loudness * np.cos(2 * np.pi * phase)) / _GRID
    return wave
