# SPDX-License-Identifier: Apache-2.0
"""Recognises what exporters write out in several ONNX operators, and puts the one in its place that
it was.

    RMS norm    x / sqrt(mean(x²) + eps), or x · (1 / sqrt(…))      → RMSNormalization
    layer norm  the same of x − mean(x)                             → LayerNormalization
    softplus    where(x > 20, x, softplus(x))                       → softplus(x)
    attention   softmax(q kᵀ) v                                     → see attention_fold.py

The norms have no other form here: a mean on its own is not an operation of the machine. The
softplus differs by less than half a last bit where it differs at all: log(1 + exp(-20)) is 2e-9.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper

from plasma_pack.importers.onnx.attention_fold import fold_attention
from plasma_pack.program.program import Array

_LEAST_THRESHOLD = 17.5  # log1p(exp(-17.5)) is below half the last bit of 17.5


def fuse(
    nodes: Sequence[onnx.NodeProto], constants: Mapping[str, Array], inputs: Iterable[str]
) -> list[onnx.NodeProto]:
    """The nodes with each end of a pattern replaced; what only led to it is left to be swept."""
    patterns = _Patterns(nodes, constants, inputs)
    return [
        patterns.norm(node)
        or patterns.softplus(node)
        or fold_attention(node, patterns.producers, patterns.live)
        or node
        for node in nodes
    ]


class _Patterns:
    def __init__(
        self,
        nodes: Sequence[onnx.NodeProto],
        constants: Mapping[str, Array],
        inputs: Iterable[str],
    ) -> None:
        self.producers = {name: node for node in nodes for name in node.output if name}
        self.constants = constants
        # Constants are evaluated as they stand: RMSNormalization is younger than most opsets.
        self.live = set(inputs)
        for node in nodes:
            if node.op_type != "Shape" and self.live.intersection(node.input):
                self.live.update(node.output)

    def norm(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        for x, root in self._products_with_inverse(node):
            mean, eps = self._with_number(self._operands(root, "Sqrt")[:1], "Add")
            reduced = self._operands(mean, "ReduceMean")
            if x not in self.live or eps is None or not reduced:
                continue
            if not self._is_square(reduced[0], x):
                continue
            axis = self._axis(self.producers[mean])
            if axis is None:
                continue
            whole = self._before_mean(x, axis)
            return helper.make_node(
                "LayerNormalization" if whole else "RMSNormalization",
                [whole or x],
                list(node.output),
                name=node.name,
                axis=axis,
                alone=1,
                epsilon=eps,
            )
        return None

    def _before_mean(self, x: str, axis: int) -> str | None:
        """z when x is z − mean(z) along this axis."""
        whole, mean = self._operands(x, "Sub") or ("", "")
        if self._operands(mean, "ReduceMean")[:1] != [whole]:
            return None
        return whole if self._axis(self.producers[mean]) == axis else None

    def softplus(self, node: onnx.NodeProto) -> onnx.NodeProto | None:
        if node.op_type != "Where":
            return None
        condition, x, smooth = node.input
        compared = self._operands(condition, "Greater")
        if self._operands(smooth, "Softplus") != [x] or compared[:1] != [x]:
            return None
        threshold = self._number(compared[1])
        if threshold is None or threshold < _LEAST_THRESHOLD:
            return None
        return helper.make_node("Identity", [smooth], list(node.output), name=node.name)

    def _products_with_inverse(self, node: onnx.NodeProto) -> list[tuple[str, str]]:
        """(x, r) for each way that this node is x / r."""
        if node.op_type == "Div":
            return [(node.input[0], node.input[1])]
        if node.op_type != "Mul":
            return []
        return [
            (x, inverse)
            for x, factor in (tuple(node.input), tuple(node.input)[::-1])
            if (inverse := self._inverted(factor)) is not None
        ]

    def _inverted(self, name: str) -> str | None:
        """r when this value is 1 / r."""
        found = self._operands(name, "Reciprocal")
        if found:
            return found[0]
        divided = self._operands(name, "Div")
        return divided[1] if divided and self._number(divided[0]) == 1 else None

    def _with_number(self, names: Sequence[str], op: str) -> tuple[str, float | None]:
        """The value and the number that `op` combines to this one."""
        operands = self._operands(names[0], op) if names else []
        for value, number in (operands, operands[::-1]) if operands else ():
            found = self._number(number)
            if found is not None:
                return value, found
        return "", None

    def _is_square(self, name: str, x: str) -> bool:
        power = self._operands(name, "Pow")
        is_power = power[:1] == [x] and self._number(power[1]) == 2
        return is_power or self._operands(name, "Mul") == [x, x]

    def _axis(self, mean: onnx.NodeProto) -> int | None:
        """The one axis that a mean is over; before opset 18 it was an attribute."""
        given = [list(a.ints) for a in mean.attribute if a.name == "axes"]
        if len(mean.input) > 1:
            axes = self._constant(mean.input[1])
            given = [] if axes is None else [axes.reshape(-1).tolist()]
        return int(given[0][0]) if given and len(given[0]) == 1 else None

    def _operands(self, name: str, op: str) -> list[str]:
        node = self.producers.get(name)
        return list(node.input) if node is not None and node.op_type == op else []

    def _number(self, name: str) -> float | None:
        values = self._constant(name)
        return float(values.reshape(-1)[0]) if values is not None and values.size == 1 else None

    def _constant(self, name: str) -> Array | None:
        if name in self.constants:
            return np.asarray(self.constants[name])
        node = self.producers.get(name)
        if node is None or node.op_type != "Constant":
            return None
        return next((numpy_helper.to_array(a.t) for a in node.attribute if a.name == "value"), None)
