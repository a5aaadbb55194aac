# SPDX-License-Identifier: Apache-2.0
"""Sums of products of values that inputs reach, and Einsum: every product is an element of one
`mul`, summed by rows. Good for the small ones that policies have; of constant weights a `linear` is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.importers.onnx.node import Node

Convert = Callable[[Node], list[Ids] | None]
MAX_PRODUCTS = 1 << 20


def sum_of_products(node: Node, operands: Sequence[Ids]) -> Ids:
    """Operands of shapes that broadcast together; the product of all, summed along the last axis."""
    shape = node.broadcast(*(ids.shape for ids in operands))
    if np.prod(shape) > MAX_PRODUCTS:
        raise node.error(
            f"takes {np.prod(shape)} products of values that inputs reach, expected at most "
            f"{MAX_PRODUCTS}; make one of them a constant weight, or the layer smaller"
        )
    builder = node.builder
    spread = [np.broadcast_to(ids, shape) for ids in operands]
    dims = (int(np.prod(shape[:-1])), shape[-1])
    names = [builder.tensor(ids, dims) for ids in spread]
    product = names[0]
    for name in names[1:]:
        product = builder.binary("mul", product, name)
    if shape[-1] > 1:
        product = builder.emit("reduce_sum", [product], dims[0])
    return builder.ids(product).reshape(shape[:-1])


def matmul(node: Node, a: Ids, b: Ids) -> Ids:
    """[…, m, k] · […, k, n], or vectors [k]."""
    if a.shape[-1] != b.shape[-2 if b.ndim > 1 else 0]:
        raise node.error(f"multiplies {a.shape} and {b.shape}, which do not fit")
    if b.ndim == 1:
        return sum_of_products(node, [a, b])
    left = a[None] if a.ndim == 1 else a
    product = sum_of_products(node, [left[..., :, None, :], b.swapaxes(-1, -2)[..., None, :, :]])
    return product[..., 0, :] if a.ndim == 1 else product


def _einsum(node: Node) -> list[Ids]:
    operands = [node.elements(k) for k in range(len(node.proto.input))]
    equation = node.attributes["equation"].replace(" ", "")
    terms, result = _letters(node, equation, [ids.ndim for ids in operands])
    summed = sorted(set("".join(terms)) - set(result))
    axes = [*result, *summed]
    spread = [_along(ids, term, axes) for ids, term in zip(operands, terms, strict=True)]
    shape = node.broadcast(*(ids.shape for ids in spread))
    flat = [np.broadcast_to(ids, shape).reshape(*shape[: len(result)], -1) for ids in spread]
    return [sum_of_products(node, flat)]


def _letters(node: Node, equation: str, ranks: list[int]) -> tuple[list[str], str]:
    """The letters of each operand and of the result, an ellipsis spelled out in capitals."""
    left, arrow, right = equation.partition("->")
    given = left.split(",")
    if len(given) != len(ranks):
        raise node.error(f"{equation!r} is of {len(given)} operands, found {len(ranks)}")
    spare = "ABCDEFGHIJKLMNOPQRSTUVWXYZ".translate({ord(c): None for c in left})
    widths = [rank - len(term.replace("...", "")) for term, rank in zip(given, ranks, strict=True)]
    most = max([width for term, width in zip(given, widths, strict=True) if "..." in term] or [0])
    dots = spare[:most]
    terms = [
        term.replace("...", dots[most - width :] if width else "")
        for term, width in zip(given, widths, strict=True)
    ]
    if any(len(term) != rank for term, rank in zip(terms, ranks, strict=True)):
        raise node.error(f"{equation!r} does not fit operands of {ranks} axes")
    once = [c for c in sorted(set(left) - set(".,")) if left.count(c) == 1]
    return terms, right.replace("...", dots) if arrow else dots + "".join(once)


def _along(ids: Ids, term: str, axes: list[str]) -> Ids:
    """An operand with these axes, one long where it has none; of a letter twice, the diagonal."""
    kept = [c for c in axes if c in term]
    codes = {c: i for i, c in enumerate(axes)}
    found: Ids = np.einsum(ids, [codes[c] for c in term], [codes[c] for c in kept])
    spread: Ids = found.reshape([found.shape[kept.index(c)] if c in kept else 1 for c in axes])
    return spread


def _cumsum(node: Node) -> list[Ids]:
    """Sums of 2, 4, 8 … elements, each of two of the ones before."""
    ids = node.ids(0)
    axis = int(node.constant(1).reshape(-1)[0]) % ids.ndim
    given = node.attributes
    y = np.moveaxis(ids, axis, -1)
    shape = y.shape
    y = y[..., ::-1] if given.get("reverse", 0) else y
    if given.get("exclusive", 0):
        y = shifted(node.builder, y, 1)
    reach = 1
    while reach < shape[-1]:
        before = node.builder.tensor(shifted(node.builder, y, reach))
        sums = node.builder.binary("add", node.builder.tensor(y), before)
        y = node.builder.ids(sums).reshape(shape)
        reach *= 2
    y = y[..., ::-1] if given.get("reverse", 0) else y
    return [np.moveaxis(y, -1, axis)]


def shifted(builder: Builder, ids: Ids, by: int) -> Ids:
    """Later by so many along the last axis, zeros before."""
    zero = builder.ids(builder.constant(np.zeros(1)))
    zeros = np.broadcast_to(zero, (*ids.shape[:-1], by))
    return np.concatenate([zeros, ids], -1)[..., : ids.shape[-1]]


CONTRACTIONS: dict[str, Convert] = {"CumSum": _cumsum, "Einsum": _einsum}
