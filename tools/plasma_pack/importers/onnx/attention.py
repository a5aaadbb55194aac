# SPDX-License-Identifier: Apache-2.0
"""ONNX attention, as an operator and as attention_fold finds it written out, and what it becomes.

ONNX has a matrix for each head, the machine rows with the heads side by side. Element ids say where
each head lies, so nothing is moved when one `linear` made queries, keys and values.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx

from plasma_pack.compiler.elements import HIDDEN, Ids
from plasma_pack.compiler.rows import columns, matrix
from plasma_pack.importers.onnx.attention_fold import NODE
from plasma_pack.importers.onnx.node import Node
from plasma_pack.program.program import Array

Convert = Callable[[Node], list[Ids] | None]
_LEAST_HIDDEN = 1e4


@dataclass
class _Scores:
    """What is done to the scores [heads, T, keys]: scale · score + mask + live mask."""

    node: Node
    shape: tuple[int, ...]
    scale: float = 1.0
    mask: Array | None = None
    live: Ids | None = None

    def times(self, factor: Array) -> None:
        if factor.size != 1 or self.live is not None:
            raise self.node.error(f"scales scores by {factor.shape}; expected one number")
        number = float(factor.reshape(-1)[0])
        self.scale *= number
        self.mask = None if self.mask is None else self.mask * number

    def plus(self, values: Array) -> None:
        self.mask = self._mask() + self._spread(values)

    def plus_live(self, ids: Ids) -> None:
        if self.live is not None:
            raise self.node.error("adds two masks that inputs reach; expected one")
        self.live = self._spread(ids)

    def keep(self, condition: Array, fill: float = -math.inf) -> None:
        """Keys for which the condition does not hold are hidden."""
        if fill > -_LEAST_HIDDEN:
            raise self.node.error(f"hides scores by {fill}, expected at most {-_LEAST_HIDDEN}")
        self.mask = np.where(self._spread(condition), self._mask(), fill)

    def operands(self) -> list[list[str]]:
        """The mask of each head, or the one of all: a tensor [T, keys], or [keys] where that is all
        it says.
        """
        if self.mask is not None and (self.mask <= -_LEAST_HIDDEN).all(axis=-1).any():
            raise self.node.error("hides all keys from a query; expected at least one that is seen")
        values = None if self.mask is None else np.clip(self.mask, -HIDDEN, HIDDEN)
        masks = [side for side in (values, self.live) if side is not None]
        is_one = all((by_head == by_head[0]).all() for by_head in masks)
        return [self._operand(head, values) for head in range(1 if is_one else self.shape[0])]

    def _operand(self, head: int, mask: Array | None) -> list[str]:
        builder = self.node.builder
        values = None if mask is None else _rows(mask[head])
        if values is not None and not values.any():
            values = None
        if self.live is None:
            return [] if values is None else [builder.constant(values)]
        ids = _rows(self.live[head])
        if values is None:
            return [matrix(builder, ids)]
        ids, values = (np.broadcast_to(x, self.shape[1:]) for x in (ids, values))
        return [builder.shift(matrix(builder, ids), values.reshape(-1))]

    def _mask(self) -> Array:
        return np.zeros(self.shape) if self.mask is None else self.mask

    def _spread(self, values: Array) -> Array:
        heads, tokens, keys = self.shape
        lead = (1,) * max(0, values.ndim - 3)
        return np.broadcast_to(values, (*lead, heads, tokens, keys)).reshape(self.shape)


def _rows(rows: Array) -> Array:
    return rows[:1] if (rows == rows[0]).all() else rows


def _scaled_dot_product(node: Node) -> list[Ids]:
    """Attention as attention_fold found it."""
    q, k, v = node.ids(0), np.swapaxes(node.ids(1), -1, -2), node.ids(2)
    heads = [_by_head(node, ids) for ids in (q, k, v)]
    scores = _Scores(node, (len(heads[0]), heads[0].shape[1], heads[1].shape[1]))
    operands = iter(range(3, len(node.proto.input)))
    for step in node.attributes["steps"]:
        _apply(node, scores, step.decode(), operands)
    return [_attend(node, heads, scores).reshape(*q.shape[:-1], v.shape[-1])]


def _apply(node: Node, scores: _Scores, step: str, operands: Iterator[int]) -> None:
    at = next(operands)
    if step == "Add" and node.is_live(at):
        scores.plus_live(node.ids(at))
    elif step == "Add":
        scores.plus(node.constant(at))
    elif step in ("Mul", "Div"):
        factor = node.constant(at).astype(np.float64)
        scores.times(factor if step == "Mul" else 1 / factor)
    else:
        condition, fill = node.constant(at), node.constant(next(operands))
        if fill.size != 1:
            raise node.error(f"hides scores by {fill.shape} numbers, expected one")
        scores.keep(condition if step == "Keep" else ~condition, float(fill.reshape(-1)[0]))


def _is_one_instruction(node: Node) -> bool:
    given = node.attributes
    asks_more = len(node.proto.output) > 3 or node.name(6) or given.get("softcap", 0.0)
    has_window = any(given.get(f"{side}_window_size", -1) >= 0 for side in ("left", "right"))
    is_late = given.get("is_causal", 0) and node.name(4)
    is_logical = node.is_live(3) and node.is_of(3, onnx.TensorProto.BOOL)
    shapes = [node.shape(k) for k in range(3)]
    if asks_more or has_window or is_late or is_logical or shapes[0][0] != 1:
        return False
    if len(shapes[0]) == 4:
        return shapes[1][-1] == shapes[2][-1]
    return given["kv_num_heads"] > 0 and shapes[1] == shapes[2]


def _attention(node: Node) -> list[Ids] | None:
    """The operator of opset 23: [1, heads, T, e], or [1, T, heads · e] with the number of heads.
    Batches, capped scores and the like are as ONNX writes them out.
    """
    given = node.attributes
    if not _is_one_instruction(node):
        return None
    q, k, v = (node.ids(i) for i in range(3))
    is_flat = q.ndim == 3
    if is_flat:
        counts = (given["q_num_heads"], given["kv_num_heads"], given["kv_num_heads"])
        q, k, v = (_split(x, n) for x, n in zip((q, k, v), counts, strict=True))
    if node.name(4):
        k, v = (np.concatenate([node.ids(i), x], axis=2) for i, x in ((4, k), (5, v)))
    heads = [_by_head(node, np.repeat(x, q.shape[1] // x.shape[1], axis=1)) for x in (q, k, v)]
    scores = _Scores(node, (q.shape[1], q.shape[2], k.shape[2]))
    scores.times(np.array(given.get("scale", q.shape[-1] ** -0.5)))
    if given.get("is_causal", 0):
        scores.keep(np.tri(*scores.shape[1:], dtype=bool))
    _add_mask(node, scores)
    y = _attend(node, heads, scores)
    y = y.transpose(1, 0, 2).reshape(1, len(y[0]), -1) if is_flat else y[None]
    return [y, k, v]


def _add_mask(node: Node, scores: _Scores) -> None:
    if node.is_live(3):
        scores.plus_live(node.ids(3))
    elif node.name(3):
        mask = node.constant(3)
        scores.keep(mask) if mask.dtype == np.bool_ else scores.plus(mask)


def _split(ids: Ids, heads: int) -> Ids:
    """[1, T, heads · e] → [1, heads, T, e]."""
    return ids.reshape(1, ids.shape[1], heads, -1).transpose(0, 2, 1, 3)


def _by_head(node: Node, ids: Ids) -> Ids:
    if ids.ndim < 3 or (ids.ndim > 3 and ids.shape[0] != 1):
        raise node.error(f"found {ids.shape}; export with batch 1: [1, heads, T, e]")
    return ids.reshape(-1, *ids.shape[-2:])


def _attend(node: Node, by_head: list[Ids], scores: _Scores) -> Ids:
    """Queries, keys and values [heads, rows, e] → [heads, T, e]."""
    heads, tokens, e = by_head[0].shape
    keys = by_head[1].shape
    if by_head[2].shape != keys or keys[::2] != (heads, e):
        shapes = ", ".join(str(x.shape) for x in by_head)
        raise node.error(f"attends with [heads, rows, e] {shapes}; expected heads and e alike")
    parts = [
        columns(node.builder, x.transpose(1, 0, 2).reshape(x.shape[1], heads * e)) for x in by_head
    ]
    masks = scores.operands()
    together = heads // len(masks)
    lead = node.builder.spans[parts[0][0]].dims[:-1]
    y = []
    for first, mask in enumerate(masks):
        begins = (float(column + first * e) for _, column in parts)
        numbers = (float(together), scores.scale, *begins)
        operands = [name for name, _ in parts] + mask
        name = node.builder.emit("attention", operands, (*lead, together * e), immediates=numbers)
        y.append(node.builder.ids(name).reshape(tokens, together, e))
    return np.concatenate(y, axis=1).transpose(1, 0, 2)


ATTENTION: dict[str, Convert] = {"Attention": _attention, NODE: _scaled_dot_product}
