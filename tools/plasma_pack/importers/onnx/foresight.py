# SPDX-License-Identifier: Apache-2.0
"""What is known of a node's results before it is evaluated: their element types, and how many
elements there are at most.

ONNX's own shape inference says as much and more, but a file that was made to hurt can crash it or
keep it for ever.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import zip_longest

import onnx
from onnx import TensorProto

from plasma_pack.program.program import Array

_CONDITIONS = frozenset(
    ["And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not"]
    + ["Or", "Xor"]
)
_INDICES = frozenset(["ArgMax", "ArgMin", "NonZero", "Shape", "Size"])
_SECOND_RESULT = {
    "Dropout": TensorProto.BOOL,
    "MaxPool": TensorProto.INT64,
    "TopK": TensorProto.INT64,
}
# The operand whose type the result has, where it is not the first.
_LIKE = {"CastLike": 1, "OneHot": 2, "Where": 1}
_OF_SIZE = ("BlackmanWindow", "ConstantOfShape", "HammingWindow", "HannWindow")


def result_types(node: onnx.NodeProto, type_of: Callable[[str], int]) -> dict[str, int]:
    """The element type of each result. type_of: of an operand, by its name."""
    like = _LIKE.get(node.op_type, 0)
    first = type_of(node.input[like]) if len(node.input) > like else TensorProto.FLOAT
    if node.op_type in _CONDITIONS:
        first = TensorProto.BOOL
    elif node.op_type in _INDICES:
        first = TensorProto.INT64
    elif node.op_type == "Cast":
        first = next(a.i for a in node.attribute if a.name == "to")
    second = _SECOND_RESULT.get(node.op_type, first)
    return {name: first if k == 0 else second for k, name in enumerate(node.output) if name}


def most_elements(node: onnx.NodeProto, inputs: Sequence[Array | None]) -> int:
    """A bound on the largest result; operands that are left out are None."""
    given = [value for value in inputs if value is not None]
    if not given:
        return 1
    first, last = given[0], given[-1]
    if node.op_type in _OF_SIZE:
        return _product(first)
    if node.op_type == "Expand":
        return _spread([first.shape, tuple(int(n) for n in last.reshape(-1))])
    if node.op_type in ("Tile", "Upsample"):
        return first.size * _product(last)
    if node.op_type == "Resize":
        is_by_size = last.dtype.kind == "i"
        return max(first.size, _product(last) * (1 if is_by_size else first.size))
    if node.op_type == "Range":
        start, limit, delta = (float(value.reshape(-1)[0]) for value in given[:3])
        return math.ceil((limit - start) / delta) if delta else 0
    if node.op_type == "OneHot":
        return first.size * _product(given[1])
    if node.op_type == "Pad":
        return first.size * math.prod(1 + abs(int(n)) for n in given[1].reshape(-1))
    if node.op_type == "Gather":
        return last.size * first.size
    if node.op_type in ("Gemm", "MatMul"):
        return _rows(first) * _rows(given[1])
    if node.op_type == "Einsum":
        return math.prod(value.size for value in given)
    pads = math.prod(1 + abs(n) for a in node.attribute if a.name == "pads" for n in a.ints)
    return int(max(_spread([value.shape for value in given]), sum(v.size for v in given)) * pads)


def _product(values: Array) -> int:
    """Of numbers that may exceed 2^63 together; what is no size counts as none."""
    return math.prod(max(0, math.ceil(float(n))) for n in values.reshape(-1))


def _rows(values: Array) -> int:
    """Elements for each one that is summed over."""
    return values.size // max(1, min(values.shape[-2:], default=1))


def _spread(shapes: Sequence[tuple[int, ...]]) -> int:
    """Elements of what all of these are spread to, whether or not they fit."""
    axes = zip_longest(*(shape[::-1] for shape in shapes), fillvalue=1)
    return math.prod(max(axis) for axis in axes)
