# SPDX-License-Identifier: Apache-2.0
"""From what an environment observes to what the first layer sees: statistics, stacked frames,
one-hot choices, images.

A packet takes observations as the environment gives them. Images are [height, width, channels]
there, and the machine has them so too; that the network was trained on [channels, height, width] is
a matter of which element is which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from plasma_pack.compiler.elements import Ids
from plasma_pack.draws import draw
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.importers.sb3.normalise import Normaliser, Statistics
from plasma_pack.importers.sb3.spaces import Box, Dict, Discrete, Flat, MultiBinary
from plasma_pack.importers.sb3.spaces import Space as Observed
from plasma_pack.importers.state_dict.arrays import AnyArray
from plasma_pack.importers.state_dict.network import Network, Pixels
from plasma_pack.program.program import Storage

NAME, MASKS = "obs", "action_masks"
MAX_CHOICES = 4096
MOST_SAMPLES, LEAST_SAMPLES = 1024, 16
_SAMPLED_ELEMENTS = 1 << 25  # of the largest input, 128 MB
_BYTE = 1 / 255
_WIDEST = 1e4  # of the bounds of a number; wider ones say nothing of what there is
Seen = Ids | Pixels


@dataclass
class Observer:
    """frames: how many observations are stacked; None: as many as the statistics tell, else one.

    is_scaled: bytes of images are divided by 255.
    """

    network: Network
    normaliser: Normaliser
    frames: int | None
    is_scaled: bool
    used: set[str | None] = field(default_factory=set)
    samples: dict[str, AnyArray] = field(default_factory=dict)  # [count, …] for each input
    count: int = MOST_SAMPLES
    generator: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))

    def observe(self, space: Observed) -> Mapping[str | None, Seen]:
        """{key: value}, of one input for each key of a Dict; the key of any other space is None."""
        members = space.spaces.values() if isinstance(space, Dict) else (space,)
        largest = max(member.low.size if isinstance(member, Box) else 1 for member in members)
        self.count = max(LEAST_SAMPLES, min(MOST_SAMPLES, _SAMPLED_ELEMENTS // max(largest, 1)))
        seen: dict[str | None, Seen] = {}
        if isinstance(space, Dict):
            seen.update({key: self._member(key, member) for key, member in space.spaces.items()})
        else:
            seen[None] = self._member(None, space)
        if unknown := [str(key) for key in self.normaliser if key not in self.used]:
            raise SourceError(
                f"the VecNormalize knows the observations {', '.join(unknown)}, the policy does "
                "not; they do not belong together"
            )
        return seen

    def masks(self, choices: int) -> Ids:
        """One more input: 1 for each choice that there is, else 0."""
        return self._declare(MASKS, np.ones((self.count, choices)))

    def _member(self, key: str | None, space: Flat) -> Seen:
        name = NAME if key is None else key
        if isinstance(space, Box):
            return self._box(key, name, space)
        if isinstance(space, MultiBinary):
            return self._declare(name, self.generator.integers(2, size=(self.count, *space.shape)))
        sizes = (space.n,) if isinstance(space, Discrete) else space.sizes
        drawn = self.generator.integers(sizes, size=(self.count, len(sizes)))
        return self._one_hot(self._declare(name, drawn), sizes)

    def _declare(self, name: str, samples: AnyArray) -> Ids:
        """An input of the shape of its samples."""
        dims = samples.shape[1:]
        if name == "action" or "." in name or name in self.samples:
            raise SourceError(f"the observation {name!r} has the name of something else; rename it")
        self.samples[name] = samples.astype(np.float32)
        return self.network.builder.declare(name, dims, Storage.INPUT).reshape(dims)

    def _box(self, key: str | None, name: str, space: Box) -> Seen:
        shape = space.shape
        if space.is_image:  # as the environment has it
            shape = (*shape[1:], shape[0])
        statistics = self._statistics(key, name, space)
        frames = self._frames(name, shape, statistics)
        dims = (*shape[:-1], shape[-1] // frames) if shape else (1,)
        x = self._declare(name, self._draw(space, dims, statistics))
        is_before = statistics is not None and statistics.mean.shape == x.shape
        if statistics is not None and is_before:
            x = self._normalise(name, x, statistics)
        if frames > 1:
            x = self._remember(name, x, frames)
        if statistics is not None and not is_before:
            x = self._normalise(name, x, statistics)
        if not space.is_image:
            return x
        return Pixels(x.transpose(2, 0, 1), _BYTE if self.is_scaled else 1.0)

    def _statistics(self, key: str | None, name: str, space: Box) -> Statistics | None:
        statistics = self.normaliser.get(key)
        if statistics is not None:
            self.used.add(key)
            if space.is_image:
                raise SourceError(f"{name!r} is an image with VecNormalize; use norm_obs_keys")
        return statistics

    def _frames(self, name: str, shape: tuple[int, ...], statistics: Statistics | None) -> int:
        """VecFrameStack puts frames one behind the other along the last axis."""
        frames = self.frames
        if frames is None:
            single = statistics.mean.shape if statistics is not None else shape
            frames = shape[-1] // single[-1] if shape and shape[:-1] == single[:-1] else 1
            frames = max(frames, 1)  # statistics of more are refused when they are used
        if frames > 1 and (not shape or shape[-1] % frames):
            raise OptionError(
                f"frame_stack: found {frames}, but {name!r} is {list(shape)}, whose last size "
                "is no multiple of it"
            )
        return frames

    def _draw(self, space: Box, dims: tuple[int, ...], statistics: Statistics | None) -> AnyArray:
        """Observations to test with: as they were in training, or else as the space has them."""
        sizes = self.count, *dims
        if space.is_image:
            return np.rint(draw(0, 255, sizes, self.generator))
        if statistics is not None and statistics.mean.shape == dims:
            return draw(0, 0, sizes, self.generator) / statistics.scale + statistics.mean
        low, high = (
            side[..., : dims[-1]] if side.shape else side for side in (space.low, space.high)
        )
        is_wide = high - low > _WIDEST
        drawn = draw(np.where(is_wide, 0, low), np.where(is_wide, 0, high), sizes, self.generator)
        return np.clip(drawn, low, high)

    def _normalise(self, name: str, x: Ids, statistics: Statistics) -> Ids:
        if statistics.mean.shape != x.shape:
            raise SourceError(
                f"the VecNormalize is of observations {list(statistics.mean.shape)}, {name!r} is "
                f"{list(x.shape)}; they do not belong together"
            )
        y = self.network.affine(x, statistics.mean, statistics.scale)
        clip = np.full(x.size, statistics.clip)
        return self.network.clamp(y, -clip, clip) if np.isfinite(statistics.clip) else y

    def _remember(self, name: str, frame: Ids, frames: int) -> Ids:
        """The frames before and this one, behind each other along the last axis; before an episode
        there were zeros. They are kept one after the other, so that a tick moves them in one piece.
        """
        builder, state = self.network.builder, f"{name}.frames"
        before = builder.declare(state, frames * frame.size, Storage.STATE)
        kept = builder.ids(
            builder.tensor(np.concatenate([before[frame.size :], frame.reshape(-1)]))
        )
        self.network.states[state] = kept
        *rest, width = frame.shape
        return np.moveaxis(kept.reshape(frames, *frame.shape), 0, -2).reshape(*rest, frames * width)

    def _one_hot(self, indices: Ids, sizes: tuple[int, ...]) -> Ids:
        """A row of the identity for each index."""
        if sum(sizes) > MAX_CHOICES:
            raise SourceError(f"an observation has {sum(sizes)} choices, more than {MAX_CHOICES}")
        builder = self.network.builder
        rows = []
        for index, size in zip(indices, sizes, strict=True):
            table = builder.constant(np.eye(size, dtype=np.float32))
            row = builder.emit("gather", [table, builder.tensor(index.reshape(1))], (1, size))
            rows.append(builder.ids(row))
        return np.concatenate(rows)
