# SPDX-License-Identifier: Apache-2.0
"""From the last layer to what `predict(deterministic=True)` gives for an action space.

A Box is clipped to its bounds, or, by policies that end in tanh, spread over them. A Discrete is the
index of the largest logit. Several choices at once are a vector of whole numbers, as f32. Where there
are masks, a choice that is masked out is taken by nobody (sb3-contrib's MaskablePPO).
"""

from __future__ import annotations

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.limits import LimitOptions
from plasma_pack.errors import SourceError
from plasma_pack.importers.sb3.spaces import (
    Box,
    Dict,
    Discrete,
    MultiBinary,
    MultiDiscrete,
    Space,
)
from plasma_pack.importers.state_dict.network import Network

NAME = "action"
_MASKED = -1e8  # as sb3-contrib has it


def act(network: Network, logits: Ids, space: Space, *, squashes: bool) -> tuple[Ids, LimitOptions]:
    """The elements of the action, and the limits that its space gives it."""
    if isinstance(space, Dict):
        raise SourceError("action_space is a Dict, which Stable-Baselines3 has no policy for")
    if isinstance(space, Box):
        return _continuous(network, logits, space, squashes=squashes)
    if isinstance(space, Discrete):
        _expect(logits, space.n)
        return network.builder.ids(network.builder.largest(logits)), LimitOptions()
    if isinstance(space, MultiBinary):
        sizes = [2] * int(np.prod(space.shape))
        _expect(logits, len(sizes))
        zero = network.builder.ids(network.builder.constant(np.zeros(1, np.float32)))
        groups = [np.concatenate([zero, logits[k : k + 1]]) for k in range(len(sizes))]
    else:
        sizes = list(space.sizes)
        _expect(logits, sum(sizes))
        groups = np.split(logits, np.cumsum(sizes)[:-1])
    chosen = np.concatenate([_choice(network.builder, group) for group in groups])
    highest = np.array(sizes, np.float32) - 1
    return chosen, LimitOptions(low={NAME: np.zeros(len(sizes))}, high={NAME: highest})


def choices_of(space: Space) -> int:
    """How many numbers a mask of this space has. Raises SourceError for one without choices."""
    if isinstance(space, Discrete):
        return space.n
    if isinstance(space, MultiDiscrete):
        return sum(space.sizes)
    raise SourceError(
        f"action_space is a {type(space).__name__}, expected Discrete or MultiDiscrete where actions "
        "are masked; export the policy to ONNX instead"
    )


def masked(network: Network, logits: Ids, masks: Ids) -> Ids:
    """The logits where a mask is above zero."""
    _expect(logits, masks.size)
    builder = network.builder
    least = builder.constant(np.full(logits.size, _MASKED, np.float32))
    operands = [builder.tensor(masks), builder.tensor(logits), least]
    return builder.ids(builder.emit("select", operands, logits.size))


def _expect(logits: Ids, count: int) -> None:
    if logits.size != count:
        raise SourceError(
            f"policy.pth: the last layer gives {logits.size} values, expected {count}"
        )


def _continuous(
    network: Network, mean: Ids, space: Box, *, squashes: bool
) -> tuple[Ids, LimitOptions]:
    """Finite bounds become the packet's limits, which clip already."""
    _expect(mean, space.low.size)
    low, high = space.low.reshape(-1), space.high.reshape(-1)
    is_bounded = bool(np.isfinite([space.low, space.high]).all())
    if squashes:
        if not is_bounded:
            raise SourceError("a policy that ends in tanh has an action space without bounds")
        mean = network.squash(mean, (high - low) / 2, (high + low) / 2)
    limits = LimitOptions(low={NAME: low}, high={NAME: high}) if is_bounded else LimitOptions()
    return mean.reshape(space.low.shape or (1,)), limits


def _choice(builder: Builder, logits: Ids) -> Ids:
    """The index of the largest as f32 [1], which instructions can put beside others."""
    numbers = builder.constant(np.arange(logits.size, dtype=np.float32))
    return builder.ids(builder.emit("gather", [numbers, builder.largest(logits)], 1))
