# SPDX-License-Identifier: Apache-2.0
"""Grows the ONNX graph that a TensorFlow Lite file becomes, and finishes it.

TensorFlow Lite keeps channels last and activations inside operators; ONNX has them first and apart.
Moving elements costs the compiler nothing, so every image is simply turned where ONNX wants it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from plasma_pack.errors import SourceError
from plasma_pack.importers.tflite.model import AnyArray, Operator, Ports, Tensor

OPSET = 18
_TYPES = {
    "FLOAT32": onnx.TensorProto.FLOAT,
    "INT32": onnx.TensorProto.INT32,
    "INT64": onnx.TensorProto.INT64,
    "BOOL": onnx.TensorProto.BOOL,
}
_ACTIVATIONS = {1: "Relu", 4: "Tanh"}
_CLIPS = {2: (-1.0, 1.0), 3: (0.0, 6.0)}  # relu_n1_to_1, relu6


class GraphBuilder:
    """Nodes so far; a value is its name."""

    def __init__(self, inputs: Ports) -> None:
        self.nodes: list[onnx.NodeProto] = [
            helper.make_node("Identity", [name], [tensor.name]) for name, tensor in inputs
        ]
        self.inputs = inputs
        self.constants: dict[str, onnx.TensorProto] = {}
        self.folded: dict[str, AnyArray] = {}  # results of operators that are constants
        self.label = ""

    def value(self, tensor: Tensor | None) -> str:
        """The operand that a tensor is."""
        if tensor is None:
            raise SourceError(f"{self.label} lacks an operand")
        known = self.known(tensor)
        return tensor.name if known is None else self.constant(known)

    def known(self, tensor: Tensor) -> AnyArray | None:
        """The values of a constant; weights in f16 become f32."""
        values = self.folded.get(tensor.name, tensor.values)
        if values is not None and values.dtype == np.float16:
            return values.astype(np.float32)
        return values

    def numbers(self, tensor: Tensor | None) -> list[int]:
        """The whole numbers of a constant operand."""
        values = None if tensor is None else self.known(tensor)
        if values is None:
            raise SourceError(f"{self.label} takes shapes or axes known at run time only")
        return [int(n) for n in values.reshape(-1)]

    def number(self, value: float) -> str:
        return self.constant(np.array(value, np.float32))

    def constant(self, values: AnyArray) -> str:
        name = f"{self.label}/constant{len(self.constants)}"
        self.constants[name] = numpy_helper.from_array(np.array(values, order="C"), name)
        return name

    def emit(self, op: str, *inputs: str, to: str | None = None, **attributes: Any) -> str:
        output = to or f"{self.label}/{op}{len(self.nodes)}"
        self.several(op, *inputs, to=[output], **attributes)
        return output

    def several(self, op: str, *inputs: str, to: Sequence[str], **attributes: Any) -> None:
        name = f"{self.label}/{op}{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, to, name=name, **attributes))

    def finish(self, operator: Operator, value: str) -> None:
        """The operator's result: its value, activated."""
        result = operator.outputs[0].name
        activation = int(operator.option("FusedActivationFunction")) if _fuses(operator) else 0
        if activation in _CLIPS:
            low, high = (self.number(limit) for limit in _CLIPS[activation])
            self.emit("Clip", value, low, high, to=result)
        elif activation in _ACTIVATIONS or activation == 0:
            self.emit(_ACTIVATIONS.get(activation, "Identity"), value, to=result)
        else:
            raise SourceError(f"{operator} has an activation that is not supported")

    def shaped(self, value: str, shape: Sequence[int], to: str | None = None) -> str:
        return self.emit("Reshape", value, self.constant(np.array(shape, np.int64)), to=to)

    def channels_first(self, value: str) -> str:
        return self.emit("Transpose", value, perm=[0, 3, 1, 2])

    def channels_last(self, value: str) -> str:
        return self.emit("Transpose", value, perm=[0, 2, 3, 1])

    def model(self, outputs: Ports) -> onnx.ModelProto:
        self.label = "output"
        for name, tensor in outputs:
            self.emit("Identity", self.value(tensor), to=name)
        graph = helper.make_graph(
            self.nodes,
            "tflite",
            [_port(name, tensor) for name, tensor in self.inputs],
            [_port(name, tensor) for name, tensor in outputs],
            list(self.constants.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(graph, opset_imports=[opset], producer_name="tensorflow lite")


def _fuses(operator: Operator) -> bool:
    return hasattr(operator.options, "FusedActivationFunction")


def _port(name: str, tensor: Tensor) -> onnx.ValueInfoProto:
    if tensor.type not in _TYPES:
        raise SourceError(f"{name!r} is {tensor.type}; convert the model with float32 throughout")
    return helper.make_tensor_value_info(name, _TYPES[tensor.type], tensor.shape)
