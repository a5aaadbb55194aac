# SPDX-License-Identifier: Apache-2.0
"""RotaryEmbedding (opset 23): pairs of elements turned by the angle of their position.

(x, y) becomes (x · cos − y · sin, y · cos + x · sin): the value times one table, and the value with
the members of each pair swapped times another, into which the sign is folded.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]


def _rotary(node: Node) -> list[Ids]:
    ids, given = node.ids(0), node.attributes
    heads = _heads(node, ids)
    width = given.get("rotary_embedding_dim", 0) or heads.shape[-1]
    turned, rest = heads[..., :width], heads[..., width:]
    cos, sin = (_table(node, position, heads.shape[2]) for position in (1, 2))
    if cos.shape[-1] * 2 != width:
        raise node.error(f"has {cos.shape[-1]} angles for {width} elements, expected half as many")
    if given.get("interleaved", 0):
        pairs = turned.reshape(*turned.shape[:-1], -1, 2)
        swapped = pairs[..., ::-1].reshape(turned.shape)
        cos, sin = np.repeat(cos, 2, -1), np.stack([-sin, sin], -1).reshape(*sin.shape[:-1], -1)
    else:
        swapped = np.concatenate([turned[..., width // 2 :], turned[..., : width // 2]], -1)
        cos, sin = np.concatenate([cos, cos], -1), np.concatenate([-sin, sin], -1)
    builder = node.builder
    x, y = builder.tensor(turned), builder.tensor(swapped)
    straight = builder.scale(x, node.spread(cos, turned.shape))
    crossed = builder.scale(y, node.spread(sin, turned.shape))
    sums = builder.ids(builder.binary("add", straight, crossed)).reshape(turned.shape)
    result = np.concatenate([sums, rest], -1)
    return [result if ids.ndim == 4 else result.transpose(0, 2, 1, 3).reshape(ids.shape)]


def _heads(node: Node, ids: Ids) -> Ids:
    """[batch, heads, positions, width], from [batch, positions, heads · width] as well."""
    if ids.ndim == 4:
        return ids
    count = node.attributes.get("num_heads", 0)
    if ids.ndim != 3 or count < 1:
        raise node.error(f"found a value {ids.shape}, expected four axes, or three and num_heads")
    return ids.reshape(*ids.shape[:2], count, -1).transpose(0, 2, 1, 3)


def _table(node: Node, position: int, positions: int) -> Array:
    """[batch or 1, 1, positions, angles]: rows by position_ids where there are any."""
    table = node.constant(position)
    if node.name(3):
        table = table[node.constant(3)]
    if table.ndim != 3 or table.shape[1] != positions:
        raise node.error(f"found angles {table.shape}, expected [batch, {positions}, width / 2]")
    return table[:, None]


ROTARY: dict[str, Convert] = {"RotaryEmbedding": _rotary}
