# SPDX-License-Identifier: Apache-2.0
"""An ONNX file as a graph ready to be walked: local functions inlined, written-out operators put
together again, dead nodes left out, constants evaluated.

Constants are evaluated by ONNX's own reference implementation, and so is everything that only moves
elements: there is no second meaning of an ONNX operator here.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.patterns import fuse
from plasma_pack.packet.format import MAX_GOLD_BYTES
from plasma_pack.program.program import Array

Source = str | Path | bytes | onnx.ModelProto


# Operators that only move elements.
MOVEMENT = frozenset(
    [
        "Concat",
        "DepthToSpace",
        "Dropout",
        "Expand",
        "Flatten",
        "Gather",
        "GatherElements",
        "GatherND",
        "Identity",
        "Reshape",
        "Slice",
        "SpaceToDepth",
        "Split",
        "Squeeze",
        "Tile",
        "Transpose",
        "Unsqueeze",
    ]  # noqa: SIM905 - a list of words reads as one
)

# One self-test case holds every input once.
MAX_ELEMENTS = MAX_GOLD_BYTES // 4


@dataclass(frozen=True)
class GraphInput:
    """A graph input; unknown dimensions (batch, sequence) are 1."""

    name: str
    shape: tuple[int, ...]


class Graph:
    """Nodes that matter, in order, with what is known before any of them runs."""

    def __init__(self, model: onnx.ModelProto) -> None:
        if model.functions:
            model = onnx.inliner.inline_local_functions(model)
        self.opset_imports = list(model.opset_import)
        self.opset = max(
            (o.version for o in model.opset_import if o.domain in ("", "ai.onnx")), default=0
        )
        self.producer = f"{model.producer_name} {model.producer_version}".strip()
        graph = model.graph
        self.constants: dict[str, Array] = {
            i.name: numpy_helper.to_array(i) for i in graph.initializer
        }
        self.inputs = [
            _graph_input(value) for value in graph.input if value.name not in self.constants
        ]
        self.outputs: list[str] = [value.name for value in graph.output]
        live = [value.name for value in self.inputs]
        self.nodes = _needed(fuse(graph.node, self.constants, live), self.outputs)
        self.producers = {name: node for node in self.nodes for name in node.output if name}

    def where(self, node: onnx.NodeProto) -> str:
        """For errors: which node, of which operator set."""
        name = node.name or (node.output[0] if node.output else "?")
        return f"{node.op_type} node {name!r} (opset {self.opset})"

    def evaluate(self, node: onnx.NodeProto, inputs: Sequence[Array | None]) -> list[Array]:
        """Run one node on constants with ONNX's reference implementation."""
        feeds = {
            name: value for name, value in zip(node.input, inputs, strict=True) if value is not None
        }
        values = [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
            )
            for name, value in feeds.items()
        ]
        outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
        model = helper.make_model(
            helper.make_graph([node], "node", values, outputs), opset_imports=self.opset_imports
        )
        try:
            found = ReferenceEvaluator(model).run(None, feeds)
        except Exception as error:
            raise SourceError(f"{self.where(node)} cannot be evaluated: {error}") from error
        results = iter(found)
        return [np.asarray(next(results)) if name else np.empty(0) for name in node.output]


_UNSOUND = (
    DecodeError,
    onnx.checker.ValidationError,
    OSError,
    ValueError,
    TypeError,
    LookupError,
)


def load_graph(source: Source) -> Graph:
    """Read a model from a path (with its external data), bytes or a ModelProto."""
    name = source if isinstance(source, (str, Path)) else "the source"
    try:
        model = _model(source)
        onnx.checker.check_model(model)
        return Graph(model)
    except SourceError:
        raise
    except FileNotFoundError as error:
        missing = error.filename or name
        raise SourceError(f"{missing} is missing; give the path of an ONNX file") from error
    except _UNSOUND as error:
        raise SourceError(f"{name} is not sound ONNX: {error}") from error


def _model(source: Source) -> onnx.ModelProto:
    if isinstance(source, onnx.ModelProto):
        model = source
    elif isinstance(source, bytes):
        model = onnx.load_from_string(source)
    else:
        model = onnx.load(str(source))
    external = onnx.TensorProto.EXTERNAL
    if any(value.data_location == external for value in model.graph.initializer):
        raise SourceError("the weights are in a file of their own; give the path of the ONNX file")
    return model


def attributes(node: onnx.NodeProto) -> dict[str, Any]:
    """Attribute values by name; strings as text."""
    values = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    return {
        name: value.decode() if isinstance(value, bytes) else value
        for name, value in values.items()
    }


def module_path(node: onnx.NodeProto, weight: str) -> str:
    """The module a layer came from: 'net.0' from the weight 'net.0.weight', else from the
    exporter's scope names.
    """
    if "." in weight:
        return weight.removesuffix(".weight")
    for entry in node.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            scopes = [scope for scope in ast.literal_eval(entry.value) if scope]
            return str(scopes[-2]) if len(scopes) > 1 else ""
    return _path_of_scopes(node.name.strip("/").split("/")[:-1])


def _path_of_scopes(scopes: Sequence[str]) -> str:
    """'actor', 'net', 'net.0' → 'actor.net.0': a scope that repeats its parent's name replaces
    it.
    """
    path: list[str] = []
    for scope in scopes:
        if path and scope.startswith(f"{path[-1]}."):
            path[-1] = scope
        else:
            path.append(scope)
    return ".".join(path)


def _graph_input(value: onnx.ValueInfoProto) -> GraphInput:
    kind = value.type.tensor_type
    if kind.elem_type != onnx.TensorProto.FLOAT:
        found = onnx.TensorProto.DataType.Name(kind.elem_type)
        raise SourceError(
            f"input {value.name!r} is {found}, expected FLOAT; export with float32 inputs"
        )
    dims = list(kind.shape.dim)
    if not dims or not dims[-1].HasField("dim_value"):
        raise SourceError(
            f"the width of input {value.name!r} is not fixed; only batch and sequence may be"
        )
    shape = tuple(d.dim_value if d.HasField("dim_value") else 1 for d in dims)
    if min(shape) < 1 or math.prod(shape) > MAX_ELEMENTS:
        raise SourceError(
            f"input {value.name!r} has shape {shape}, expected 1 to {MAX_ELEMENTS} elements"
        )
    return GraphInput(value.name, shape)


def _needed(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    wanted = set(outputs)
    needed = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(filter(None, node.input))
            needed.append(node)
    return needed[::-1]
