# SPDX-License-Identifier: Apache-2.0
"""A float TensorFlow Lite file as an ONNX model, which the ONNX importer then compiles."""

from __future__ import annotations

import onnx

from plasma_pack.errors import SourceError
from plasma_pack.importers.tflite.graph import GraphBuilder
from plasma_pack.importers.tflite.model import BROKEN, FLOAT_ONLY, read_model
from plasma_pack.importers.tflite.operators import OPERATORS

_COMPUTED = ("FLOAT32", "INT32", "INT64", "BOOL")


def to_onnx(data: bytes) -> onnx.ModelProto:
    """Raises SourceError naming the operator and what to do."""
    model = read_model(data)
    graph = GraphBuilder(model.inputs)
    for operator in model.operators:
        graph.label = str(operator)
        if any(tensor.type not in _COMPUTED for tensor in operator.outputs):
            raise SourceError(f"{operator} gives {operator.outputs[0].type}; {FLOAT_ONLY}")
        if operator.op not in OPERATORS:
            raise SourceError(
                f"{operator} is not supported; supported are {', '.join(sorted(OPERATORS))}. "
                "Rewrite that layer with these and convert again"
            )
        try:
            OPERATORS[operator.op](graph, operator)
        except BROKEN as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"{operator} breaks the rules of its schema: {error}") from error
    return graph.model(model.outputs)
