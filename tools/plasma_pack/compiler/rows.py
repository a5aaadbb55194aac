# SPDX-License-Identifier: Apache-2.0
"""Values as matrices of rows: the tensors that hold them, made only where none does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from plasma_pack.compiler.elements import Arranged, Ids, is_identity

if TYPE_CHECKING:
    from plasma_pack.compiler.builder import Builder


def matrix(builder: Builder, ids: Ids) -> str:
    """A tensor whose rows of its last dimension are those of the value."""
    n = ids.shape[-1]
    pieces = builder.pieces(ids.reshape(-1))
    is_whole = pieces is not None and len(pieces) == 1 and is_identity(pieces[0].order)
    if pieces is not None and is_whole and builder.spans[pieces[0].name].dims[-1] == n:
        return pieces[0].name
    return builder.tensor(ids, (ids.size // n, n))


def columns(builder: Builder, ids: Ids) -> tuple[str, int]:
    """(tensor, column): its rows hold, from that column on, the rows of a value [R, n], and maybe
    more.
    """
    rows, n = ids.shape
    span = builder.span_of(int(ids[0, 0]))
    width, column = span.dims[-1], int(ids[0, 0]) - span.first
    inside = span.first + column + np.arange(rows)[:, None] * width + np.arange(n)
    fits = span.elements == rows * width and column + n <= width
    if fits and np.array_equal(ids, inside):
        return span.name, column
    return matrix(builder, ids), 0


def arrange_rows(builder: Builder, ids: Ids) -> Arranged:
    """The rows of a value, and the order of the columns in each where that is the same in all, so
    that constants can be moved instead.
    """
    n = ids.shape[-1]
    if ids.size == n:
        return builder.arrange(ids)
    pieces = builder.pieces(ids.reshape(-1))
    if pieces is not None and len(pieces) == 1 and builder.spans[pieces[0].name].dims[-1] == n:
        orders = pieces[0].order.reshape(-1, n) - np.arange(0, ids.size, n)[:, None]
        if (orders == orders[0]).all():
            return Arranged(pieces[0].name, orders[0])
    return Arranged(matrix(builder, ids), np.arange(n))
