# SPDX-License-Identifier: Apache-2.0
"""Grows a program from vector operations, the way importers meet them, and folds what belongs
together.

Folding happens when an operation is added, and leaves the replaced one to be swept away if nothing
else reads it: x + c after a bias-free `linear` is its bias; (x − m) · s is one `normalize`;
tanh · a + b is `squash`; a gain after `rms_norm` is its gain; x · sigmoid(x) is `silu`; a
written-out GRU or LSTM cell is its own instruction. Nothing is reordered, so results differ from
the source's by the last bit at most.
"""

from __future__ import annotations

import numpy as np

from plasma_pack.compiler.cell_fold import find_cell
from plasma_pack.compiler.elements import Elements, Ids, Op
from plasma_pack.errors import SourceError
from plasma_pack.program.program import Array, DType


class Builder(Elements):
    """Elements, and the operations that fold."""

    def linear(self, x: str, weights: Array, bias: Array | None, label: str) -> str:
        """W x + b, for x or for each row of it; weights [rows, cols], bias [rows] or None."""
        span = self.spans[x]
        if weights.ndim != 2 or weights.shape[1] not in (span.elements, span.dims[-1]):
            raise SourceError(
                f"the weights of {label} have shape {weights.shape}, "
                f"expected [out, {span.dims[-1]}]"
            )
        rows = len(weights)
        dims = (rows,) if weights.shape[1] == span.elements else (*span.dims[:-1], rows)
        constants = [np.asarray(weights, np.float32)]
        if bias is not None and np.any(bias):
            constants.append(np.asarray(bias, np.float32))
        return self.emit("linear", [x], dims, constants, label=label)

    def unary(self, op: str, x: str, immediates: tuple[float, ...] = ()) -> str:
        return self.emit(op, [x], self.spans[x].dims, immediates=immediates)

    def binary(self, op: str, a: str, b: str) -> str:
        """add, sub or mul of two vectors; silu or a recurrent cell where that is what it
        computes.
        """
        if op == "mul":
            for x, gate in ((a, b), (b, a)):
                made = self.made.get(gate)
                if made is not None and made.op == "sigmoid" and made.inputs == (x,):
                    return self.unary("silu", x)
        cell = find_cell(self, op, (a, b))
        if cell is not None:
            return self.emit(
                cell.op, [cell.gi, cell.gh, cell.state], self.spans[cell.state].elements
            )
        return self.emit(op, [a, b], self.spans[a].dims)

    def shift(self, x: str, amount: Array) -> str:
        """x + amount, amount f64 [n]."""
        made = self.made.get(x)
        row = self._row(x, amount)
        if made is not None and row is not None:
            if made.op == "linear" and len(made.constants) == 1:
                return self.linear(made.inputs[0], made.constants[0], row, made.label or "")
            if made.op == "conv2d" and len(made.constants) == 1:
                return self.again(made, *made.constants, row)
            if made.op == "layer_norm" and not made.constants[1].any():
                return self.again(made, made.constants[0], row)
        if made is not None and made.op in ("tanh", "squash"):
            scale, offset = _squash_of(made, len(amount))
            return self._squash(made.inputs[0], scale, offset + amount)
        return self._normalize(x, -amount, np.ones_like(amount))

    def scale(self, x: str, factor: Array) -> str:
        """x · factor, factor f64 [n]."""
        made = self.made.get(x)
        row = self._row(x, factor)
        if made is not None and row is not None and made.op in ("rms_norm", "layer_norm"):
            gain, *bias = made.constants
            if (gain == 1).all() and not np.any(bias):
                return self.again(made, row, *bias)
        if made is not None and made.op in ("tanh", "squash"):
            scale, offset = _squash_of(made, len(factor))
            return self._squash(made.inputs[0], scale * factor, offset * factor)
        if made is not None and made.op == "normalize" and (made.constants[1] == 1).all():
            return self._normalize(made.inputs[0], made.constants[0], factor)
        return self._normalize(x, np.zeros_like(factor), factor)

    def gelu(self, x: str) -> str:
        """x · (1 + erf(x / √2)) / 2."""
        dims = self.spans[x].dims
        inner = self.unary("erf", self.scale(x, np.full(dims, 2**-0.5)))
        gate = self.scale(self.shift(inner, np.ones(dims)), np.full(dims, 0.5))
        return self.binary("mul", x, gate)

    def largest(self, ids: Ids) -> str:
        """The index of the first largest element, i32 [1]."""
        return self.emit("argmax", [self.tensor(ids)], 1, dtype=DType.I32)

    def again(self, op: Op, *constants: Array) -> str:
        """The same operation with other constants."""
        dims = self.spans[op.output].dims
        return self.emit(op.op, op.inputs, dims, constants, op.immediates, op.label)

    def _row(self, x: str, values: Array) -> Array | None:
        """The one row of values that every row of x meets."""
        rows = values.reshape(-1, self.spans[x].dims[-1])
        return rows[0] if (rows == rows[0]).all() else None

    def _normalize(self, x: str, mean: Array, scale: Array) -> str:
        return self.emit("normalize", [x], self.spans[x].dims, [mean, scale])

    def _squash(self, x: str, scale: Array, offset: Array) -> str:
        return self.emit("squash", [x], self.spans[x].dims, [scale, offset])


def _squash_of(made: Op, n: int) -> tuple[Array, Array]:
    if made.op == "tanh":
        return np.ones(n), np.zeros(n)
    return made.constants[0], made.constants[1]
