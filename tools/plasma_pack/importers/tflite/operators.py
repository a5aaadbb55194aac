# SPDX-License-Identifier: Apache-2.0
"""TensorFlow Lite operators, and what each is in ONNX."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from plasma_pack.errors import SourceError
from plasma_pack.importers.tflite.graph import GraphBuilder
from plasma_pack.importers.tflite.model import FLOAT_ONLY, Operator, Tensor

Convert = Callable[[GraphBuilder, Operator], None]
_SAME = 0  # of the padding schemes; VALID is 1


def _same(name: str) -> Convert:
    """An operator that ONNX has as well."""

    def convert(graph: GraphBuilder, operator: Operator) -> None:
        operands = [graph.value(tensor) for tensor in operator.inputs]
        graph.finish(operator, graph.emit(name, *operands))

    return convert


def _negated(name: str) -> Convert:
    def convert(graph: GraphBuilder, operator: Operator) -> None:
        operands = [graph.value(tensor) for tensor in operator.inputs]
        graph.finish(operator, graph.emit("Not", graph.emit(name, *operands)))

    return convert


def _reduce(name: str) -> Convert:
    def convert(graph: GraphBuilder, operator: Operator) -> None:
        x, axes = operator.inputs
        by = graph.constant(np.array(graph.numbers(axes), np.int64))
        keepdims = int(operator.option("KeepDims"))
        graph.finish(operator, graph.emit(name, graph.value(x), by, keepdims=keepdims))

    return convert


def _choose(name: str) -> Convert:
    def convert(graph: GraphBuilder, operator: Operator) -> None:
        x, axis = operator.inputs
        (at,) = graph.numbers(axis)
        graph.finish(operator, graph.emit(name, graph.value(x), axis=at, keepdims=0))

    return convert


def _reshape(graph: GraphBuilder, operator: Operator) -> None:
    """Also squeeze and expand_dims: the result's shape says it all."""
    shape = operator.outputs[0].shape
    graph.finish(operator, graph.shaped(graph.value(operator.inputs[0]), shape))


def _fully_connected(graph: GraphBuilder, operator: Operator) -> None:
    x, weights, *bias = operator.inputs
    w = _matrix(graph, weights)
    assert weights is not None
    rows, cols = weights.shape
    value = graph.shaped(graph.value(x), (-1, cols))
    value = graph.emit("MatMul", value, w)
    if bias and bias[0] is not None:
        value = graph.emit("Add", value, graph.value(bias[0]))
    graph.finish(operator, graph.shaped(value, (*operator.outputs[0].shape[:-1], rows)))


def _matrix(graph: GraphBuilder, weights: Tensor | None) -> str:
    """[rows, cols] → [cols, rows]."""
    if weights is None or len(weights.shape) != 2:
        raise SourceError(f"{graph.label} has no matrix of weights")
    known = graph.known(weights)
    if known is not None:
        return graph.constant(known.T)
    return graph.emit("Transpose", weights.name, perm=[1, 0])


def _batch_matmul(graph: GraphBuilder, operator: Operator) -> None:
    operands = []
    for tensor, name in zip(operator.inputs, ("AdjX", "AdjY"), strict=True):
        value = graph.value(tensor)
        if operator.option(name) and tensor is not None:
            axes = list(range(len(tensor.shape)))
            value = graph.emit("Transpose", value, perm=[*axes[:-2], axes[-1], axes[-2]])
        operands.append(value)
    graph.finish(operator, graph.emit("MatMul", *operands))


def _pads(operator: Operator, x: Tensor, kernel: Sequence[int]) -> list[int]:
    """Top, left, bottom, right, as both pad one pixel more behind than before."""
    steps = (operator.option("StrideH"), operator.option("StrideW"))
    if int(operator.option("Padding")) != _SAME:
        return [0, 0, 0, 0]
    missing = [
        max(0, (out - 1) * step + size - n)
        for out, step, size, n in zip(
            operator.outputs[0].shape[1:3], steps, kernel, x.shape[1:3], strict=True
        )
    ]
    before = [n // 2 for n in missing]
    return [*before, *(n - b for n, b in zip(missing, before, strict=True))]


def _convolve(graph: GraphBuilder, operator: Operator) -> None:
    """Kernels [out, kh, kw, in]; a depthwise one [1, kh, kw, out]."""
    x, weights, *bias = operator.inputs
    kernels = None if weights is None else graph.known(weights)
    if x is None or len(x.shape) != 4 or kernels is None or kernels.ndim != 4:
        raise SourceError(f"{operator} takes no image [1, h, w, c], or kernels that change")
    is_depthwise = operator.op == "DEPTHWISE_CONV_2D"
    kernels = kernels.transpose((3, 0, 1, 2) if is_depthwise else (0, 3, 1, 2))
    dilations = [operator.option(f"Dilation{side}Factor", 1) for side in "HW"]
    extent = [(k - 1) * d + 1 for k, d in zip(kernels.shape[2:], dilations, strict=True)]
    operands = [graph.channels_first(graph.value(x)), graph.constant(kernels)]
    if bias and bias[0] is not None:
        operands.append(graph.value(bias[0]))
    y = graph.emit(
        "Conv",
        *operands,
        strides=[operator.option("StrideH"), operator.option("StrideW")],
        dilations=dilations,
        pads=_pads(operator, x, extent),
        group=x.shape[3] // kernels.shape[1],
    )
    graph.finish(operator, graph.channels_last(y))


def _pool(name: str) -> Convert:
    def convert(graph: GraphBuilder, operator: Operator) -> None:
        (x,) = operator.inputs
        if x is None or len(x.shape) != 4:
            raise SourceError(f"{operator} takes no image [1, h, w, c]")
        kernel = [operator.option("FilterHeight"), operator.option("FilterWidth")]
        y = graph.emit(
            name,
            graph.channels_first(graph.value(x)),
            kernel_shape=kernel,
            strides=[operator.option("StrideH"), operator.option("StrideW")],
            pads=_pads(operator, x, kernel),
        )
        graph.finish(operator, graph.channels_last(y))

    return convert


def _transpose(graph: GraphBuilder, operator: Operator) -> None:
    x, axes = operator.inputs
    graph.finish(operator, graph.emit("Transpose", graph.value(x), perm=graph.numbers(axes)))


def _concatenation(graph: GraphBuilder, operator: Operator) -> None:
    values = [graph.value(tensor) for tensor in operator.inputs]
    graph.finish(operator, graph.emit("Concat", *values, axis=operator.option("Axis")))


def _slice(graph: GraphBuilder, operator: Operator) -> None:
    """begin, size; -1 is all that is left."""
    x, begin, _ = operator.inputs
    begins = graph.numbers(begin)
    ends = [b + n for b, n in zip(begins, operator.outputs[0].shape, strict=True)]
    graph.finish(operator, _cut(graph, graph.value(x), begins, ends, [1] * len(begins)))


def _strided_slice(graph: GraphBuilder, operator: Operator) -> None:
    """Bits of a mask leave a begin or an end open, or take one element and drop its axis."""
    x, *three = operator.inputs
    begins, ends, steps = (graph.numbers(tensor) for tensor in three)
    if operator.option("EllipsisMask") or operator.option("NewAxisMask") or x is None:
        raise SourceError(f"{operator} has an ellipsis or a new axis; export without")
    for axis, step in enumerate(steps):
        if operator.option("ShrinkAxisMask") >> axis & 1:
            ends[axis] = begins[axis] + 1 or x.shape[axis]
            continue
        if operator.option("BeginMask") >> axis & 1:
            begins[axis] = 0 if step > 0 else x.shape[axis]
        if operator.option("EndMask") >> axis & 1:
            ends[axis] = x.shape[axis] if step > 0 else -x.shape[axis] - 1
    value = _cut(graph, graph.value(x), begins, ends, steps)
    graph.finish(operator, graph.shaped(value, operator.outputs[0].shape))


def _cut(graph: GraphBuilder, x: str, begins: list[int], ends: list[int], steps: list[int]) -> str:
    axes = list(range(len(begins)))
    return graph.emit(
        "Slice", x, *(graph.constant(np.array(n)) for n in (begins, ends, axes, steps))
    )


def _split(graph: GraphBuilder, operator: Operator) -> None:
    """SPLIT takes (axis, x), SPLIT_V (x, sizes, axis)."""
    is_even = operator.op == "SPLIT"
    x = operator.inputs[1 if is_even else 0]
    (axis,) = graph.numbers(operator.inputs[0 if is_even else 2])
    sizes = graph.constant(np.array([tensor.shape[axis] for tensor in operator.outputs]))
    names = [tensor.name for tensor in operator.outputs]
    graph.several("Split", graph.value(x), sizes, to=names, axis=axis)


def _pack(graph: GraphBuilder, operator: Operator) -> None:
    axis = operator.option("Axis")
    at = graph.constant(np.array([axis]))
    values = [graph.emit("Unsqueeze", graph.value(tensor), at) for tensor in operator.inputs]
    graph.finish(operator, graph.emit("Concat", *values, axis=axis))


def _unpack(graph: GraphBuilder, operator: Operator) -> None:
    x, axis = graph.value(operator.inputs[0]), operator.option("Axis")
    for k, tensor in enumerate(operator.outputs):
        graph.emit("Gather", x, graph.constant(np.array(k)), to=tensor.name, axis=axis)


def _gather(graph: GraphBuilder, operator: Operator) -> None:
    if operator.option("BatchDims"):
        raise SourceError(f"{operator} gathers batch by batch; that is not supported")
    operands = [graph.value(tensor) for tensor in operator.inputs]
    graph.finish(operator, graph.emit("Gather", *operands, axis=operator.option("Axis")))


def _pad(graph: GraphBuilder, operator: Operator) -> None:
    """Pairs of an axis → all before, then all behind."""
    x, pairs, *value = operator.inputs
    pads = np.array(graph.numbers(pairs)).reshape(-1, 2).T.reshape(-1)
    filler = graph.value(value[0]) if value else graph.number(0)
    graph.finish(operator, graph.emit("Pad", graph.value(x), graph.constant(pads), filler))


def _softmax(graph: GraphBuilder, operator: Operator) -> None:
    x, beta = graph.value(operator.inputs[0]), operator.option("Beta", 1.0)
    if beta != 1:
        x = graph.emit("Mul", x, graph.number(beta))
    graph.finish(operator, graph.emit("Softmax", x, axis=-1))


def _leaky_relu(graph: GraphBuilder, operator: Operator) -> None:
    x = graph.value(operator.inputs[0])
    graph.finish(operator, graph.emit("LeakyRelu", x, alpha=operator.option("Alpha")))


def _relu_within(low: float, high: float) -> Convert:
    def convert(graph: GraphBuilder, operator: Operator) -> None:
        limits = [graph.number(limit) for limit in (low, high)]
        graph.finish(operator, graph.emit("Clip", graph.value(operator.inputs[0]), *limits))

    return convert


def _gelu(graph: GraphBuilder, operator: Operator) -> None:
    """x · Φ(x), or its tanh approximation (Hendrycks and Gimpel, 2016)."""
    x = graph.value(operator.inputs[0])

    def scaled(value: str, by: float) -> str:
        return graph.emit("Mul", value, graph.number(by))

    if operator.option("Approximate"):
        cube = graph.emit("Mul", graph.emit("Mul", x, x), x)
        inner = graph.emit("Add", x, scaled(cube, 0.044715))
        gate = graph.emit("Tanh", scaled(inner, (2 / np.pi) ** 0.5))
    else:
        gate = graph.emit("Erf", scaled(x, 2**-0.5))
    one = graph.number(1)
    graph.finish(operator, graph.emit("Mul", scaled(x, 0.5), graph.emit("Add", gate, one)))


def _rsqrt(graph: GraphBuilder, operator: Operator) -> None:
    root = graph.emit("Sqrt", graph.value(operator.inputs[0]))
    graph.finish(operator, graph.emit("Reciprocal", root))


def _square(graph: GraphBuilder, operator: Operator) -> None:
    x = graph.value(operator.inputs[0])
    graph.finish(operator, graph.emit("Mul", x, x))


def _squared_difference(graph: GraphBuilder, operator: Operator) -> None:
    difference = graph.emit("Sub", *(graph.value(tensor) for tensor in operator.inputs))
    graph.finish(operator, graph.emit("Mul", difference, difference))


def _cast(graph: GraphBuilder, operator: Operator) -> None:
    """Numbers are float32 in the machine, whatever they are called; float to whole cuts off."""
    x = operator.inputs[0]
    if x is None or (x.type == "FLOAT32" and operator.outputs[0].type not in ("FLOAT32", "BOOL")):
        raise SourceError(f"{operator} cuts numbers off; that is not supported")
    graph.finish(operator, graph.emit("Identity", graph.value(x)))


def _dequantize(graph: GraphBuilder, operator: Operator) -> None:
    """Of weights in float16, which are constants."""
    (weights,) = operator.inputs
    known = None if weights is None else graph.known(weights)
    if known is None:
        raise SourceError(f"{operator} takes a quantised activation; {FLOAT_ONLY}")
    graph.folded[operator.outputs[0].name] = known


OPERATORS: dict[str, Convert] = {
    **{
        name.upper(): _same(onnx_name)
        for name, onnx_name in {
            **{name: name.capitalize() for name in ("abs", "add", "ceil", "cos", "div", "elu")},
            **{name: name.capitalize() for name in ("equal", "exp", "floor", "greater", "less")},
            **{name: name.capitalize() for name in ("log", "mul", "neg", "pow", "relu", "round")},
            **{name: name.capitalize() for name in ("sign", "sin", "sqrt", "sub", "tanh")},
            "greater_equal": "GreaterOrEqual",
            "less_equal": "LessOrEqual",
            "hard_swish": "HardSwish",
            "log_softmax": "LogSoftmax",
            "logical_and": "And",
            "logical_not": "Not",
            "logical_or": "Or",
            "logistic": "Sigmoid",
            "maximum": "Max",
            "minimum": "Min",
            "prelu": "PRelu",
            "select": "Where",
            "select_v2": "Where",
        }.items()
    },
    "ARG_MAX": _choose("ArgMax"),
    "ARG_MIN": _choose("ArgMin"),
    "AVERAGE_POOL_2D": _pool("AveragePool"),
    "BATCH_MATMUL": _batch_matmul,
    "CAST": _cast,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolve,
    "DEPTHWISE_CONV_2D": _convolve,
    "DEQUANTIZE": _dequantize,
    "EXPAND_DIMS": _reshape,
    "FULLY_CONNECTED": _fully_connected,
    "GATHER": _gather,
    "GELU": _gelu,
    "LEAKY_RELU": _leaky_relu,
    "MAX_POOL_2D": _pool("MaxPool"),
    "MEAN": _reduce("ReduceMean"),
    "NOT_EQUAL": _negated("Equal"),
    "PACK": _pack,
    "PAD": _pad,
    "PADV2": _pad,
    "REDUCE_MAX": _reduce("ReduceMax"),
    "REDUCE_MIN": _reduce("ReduceMin"),
    "RELU6": _relu_within(0, 6),
    "RELU_N1_TO_1": _relu_within(-1, 1),
    "RESHAPE": _reshape,
    "RSQRT": _rsqrt,
    "SLICE": _slice,
    "SOFTMAX": _softmax,
    "SPLIT": _split,
    "SPLIT_V": _split,
    "SQUARE": _square,
    "SQUARED_DIFFERENCE": _squared_difference,
    "SQUEEZE": _reshape,
    "STRIDED_SLICE": _strided_slice,
    "SUM": _reduce("ReduceSum"),
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
