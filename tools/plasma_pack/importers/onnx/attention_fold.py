# SPDX-License-Identifier: Apache-2.0
"""Recognises attention written out in ONNX operators, as exporters write it, and puts one node in
its place:

    softmax(q kᵀ · scale + mask) v      → ScaledDotProduct(q, kᵀ, v, …)

Scale and mask may come as Mul, Div, Add and Where on the scores, a scale also on q or k. The node
keeps them as a list of steps and their operands: what these hold is known only later.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx
from onnx import helper

NODE = "ScaledDotProduct"

# A step on the scores: its name and its other operands.
Step = tuple[str, list[str]]


def fold_attention(
    node: onnx.NodeProto, producers: Mapping[str, onnx.NodeProto], live: Collection[str]
) -> onnx.NodeProto | None:
    """`node` replaced, when it is the product of a softmax of scores with values."""
    found = _Fold(producers, live)
    if not found.is_product(node):
        return None
    softmax = producers.get(found.unguarded(node.input[0]))
    if softmax is None or softmax.op_type != "Softmax":
        return None
    product, steps = found.scores(softmax.input[0])
    if product is None:
        return None
    (q, of_q), (k, of_k) = (found.scaled(name) for name in product.input)
    steps = [*of_q, *of_k, *steps]
    return helper.make_node(
        NODE,
        [q, k, node.input[1], *(name for _, operands in steps for name in operands)],
        list(node.output),
        name=node.name,
        steps=[name for name, _ in steps],
    )


class _Fold:
    def __init__(self, producers: Mapping[str, onnx.NodeProto], live: Collection[str]) -> None:
        self.producers = producers
        self.live = live

    def is_product(self, node: onnx.NodeProto) -> bool:
        return node.op_type == "MatMul" and all(name in self.live for name in node.input)

    def unguarded(self, name: str) -> str:
        """p of where(isnan(p), 0, p), which says what a query is given that sees no key."""
        node = self.producers.get(name)
        if node is None or node.op_type != "Where":
            return name
        test = self.producers.get(node.input[0])
        is_guard = test is not None and test.op_type == "IsNaN" and test.input[0] == node.input[2]
        return node.input[2] if is_guard else name

    def scores(self, name: str) -> tuple[onnx.NodeProto | None, list[Step]]:
        """The product that scores come from, and what is done to them, in order."""
        steps: list[Step] = []
        while (node := self.producers.get(name)) is not None:
            if self.is_product(node):
                return node, steps[::-1]
            found = self._step(node)
            if found is None:
                break
            name, step = found
            steps.append(step)
        return None, []

    def scaled(self, name: str) -> tuple[str, list[Step]]:
        """The value before it was scaled by a constant, and how it was."""
        node = self.producers.get(name)
        if node is None or node.op_type not in ("Mul", "Div"):
            return name, []
        before, other = self._operands(node)
        return (name, []) if other in self.live else (before, [(node.op_type, [other])])

    def _step(self, node: onnx.NodeProto) -> tuple[str, Step] | None:
        """(the scores before this node, the step it is)."""
        if node.op_type == "Where":
            condition, chosen, other = node.input
            if other in self.live:
                return other, ("Hide", [condition, chosen])
            return chosen, ("Keep", [condition, other])
        if node.op_type not in ("Mul", "Div", "Add"):
            return None
        before, other = self._operands(node)
        return before, (node.op_type, [other])

    def _operands(self, node: onnx.NodeProto) -> tuple[str, str]:
        """What a node works on, and by what: of two live values, scores."""
        a, b = node.input
        if node.op_type == "Div" or b not in self.live:
            return a, b
        is_other = a not in self.live or self.scores(a)[0] is None
        return (b, a) if is_other else (a, b)
