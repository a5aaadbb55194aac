# SPDX-License-Identifier: Apache-2.0
"""An ONNX file as a graph ready to be walked: local functions inlined, written-out operators put
together again, dead nodes left out, constants evaluated.

Constants are evaluated by ONNX's own reference implementation, and so is everything that only moves
elements: there is no second meaning of an ONNX operator here.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx.inliner
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from plasma_pack.compiler.elements import MAX_ELEMENTS
from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.foresight import most_elements
from plasma_pack.importers.onnx.patterns import fuse
from plasma_pack.importers.onnx.sound import (
    check_attributes,
    check_functions,
    check_tensors,
)
from plasma_pack.packet.format import MAX_GOLD_BYTES
from plasma_pack.program.program import Array

Source = str | Path | bytes | onnx.ModelProto


# Operators that only move elements.
MOVEMENT = frozenset(
    [
        "Concat",
        "DepthToSpace",
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
MAX_INPUT = MAX_GOLD_BYTES // 4


# Those after the first are given as float32 that hold whole numbers.
INPUT_TYPES = (
    onnx.TensorProto.FLOAT,
    onnx.TensorProto.INT64,
    onnx.TensorProto.INT32,
    onnx.TensorProto.BOOL,
)


@dataclass(frozen=True)
class GraphInput:
    """A graph input; unknown dimensions (batch, sequence) are 1."""

    name: str
    shape: tuple[int, ...]


class Graph:
    """Nodes that matter, in order, with what is known before any of them runs."""

    def __init__(self, model: onnx.ModelProto) -> None:
        if model.functions:
            check_functions(model)
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
        self.types = {v.name: int(v.type.tensor_type.elem_type) for v in graph.input}
        self.outputs: list[str] = [value.name for value in graph.output]
        live = [value.name for value in self.inputs]
        self.nodes = _needed(fuse(graph.node, self.constants, live), self.outputs)
        self.producers = {name: node for node in self.nodes for name in node.output if name}

    def where(self, node: onnx.NodeProto) -> str:
        """For errors: which node, of which operator set."""
        name = node.name or (node.output[0] if node.output else "?")
        return f"{node.op_type} node {name!r} (opset {self.opset})"

    def type_of(self, name: str, constants: Mapping[str, Array]) -> int:
        """The element type of a value that has been come to, as this file means it."""
        if name in constants:
            return int(helper.np_dtype_to_tensor_dtype(constants[name].dtype))
        return self.types.get(name, TensorProto.FLOAT)

    def evaluate(self, node: onnx.NodeProto, inputs: Sequence[Array | None]) -> list[Array]:
        """Run one node on constants with ONNX's reference implementation."""
        inputs = self._tamed(node, inputs)
        feeds = {
            name: value for name, value in zip(node.input, inputs, strict=True) if value is not None
        }
        most = most_elements(node, inputs)
        if most > MAX_ELEMENTS:
            raise SourceError(
                f"{self.where(node)} may make a value of {most}; expected at most {MAX_ELEMENTS} elements"
            )
        model = one_node(node, feeds, self.opset_imports)
        try:
            found = ReferenceEvaluator(model).run(None, feeds)
        except Exception as error:
            raise SourceError(f"{self.where(node)} cannot be evaluated: {error}") from error
        results = iter(found)
        return [np.asarray(next(results)) if name else np.empty(0) for name in node.output]

    def _tamed(self, node: onnx.NodeProto, inputs: Sequence[Array | None]) -> list[Array | None]:
        """Numbers of a Range come as lists of one, too; an index far outside takes NumPy for ever."""
        if node.op_type == "Range":
            return [None if value is None else value.reshape(()) for value in inputs]
        if node.op_type == "GatherElements" and inputs[0] is not None and inputs[1] is not None:
            most = np.abs(inputs[1].astype(np.float64)).max(initial=0)
            if most > max(inputs[0].shape, default=0):
                raise SourceError(
                    f"{self.where(node)} picks element {most:.0f} of {inputs[0].shape}"
                )
        return list(inputs)


def one_node(
    node: onnx.NodeProto,
    operands: Mapping[str, Array],
    opsets: Sequence[onnx.OperatorSetIdProto],
) -> onnx.ModelProto:
    """A model of this node alone."""
    values = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in operands.items()
    ]
    outputs = [onnx.ValueInfoProto(name=name) for name in node.output if name]
    graph = helper.make_graph([node], "node", values, outputs)
    return helper.make_model(graph, opset_imports=list(opsets))


_UNSOUND = (
    onnx.checker.ValidationError,
    RuntimeError,
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
        if not model.HasField("graph"):  # as of an empty file: any field may be missing
            raise DecodeError("there is no graph in it")
        check_tensors(model)
        check_attributes(model)
        onnx.checker.check_model(model)
        return Graph(model)
    except SourceError:
        raise
    except FileNotFoundError as error:
        missing = error.filename or name
        raise SourceError(f"{missing} is missing; give the path of an ONNX file") from error
    except DecodeError as error:
        raise SourceError(
            f"{name} is no ONNX file, nor of another kind that is known by its first bytes: {error}"
        ) from error
    except _UNSOUND as error:
        raise SourceError(f"{name} is not sound ONNX: {error}") from error


def _model(source: Source) -> onnx.ModelProto:
    if isinstance(source, onnx.ModelProto):
        model = source
    elif isinstance(source, bytes):
        model = onnx.load_from_string(source)
    else:
        model = onnx.load(str(source), format="protobuf")  # else its name would decide
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
    if kind.elem_type not in INPUT_TYPES:
        found = onnx.TensorProto.DataType.Name(kind.elem_type)
        raise SourceError(
            f"input {value.name!r} is {found}, expected FLOAT, or whole numbers, which a policy "
            "takes as float32; export with float32 inputs"
        )
    dims = list(kind.shape.dim)
    is_batch_of_indices = len(dims) == 1 and kind.elem_type != onnx.TensorProto.FLOAT
    is_fixed = dims and dims[-1].HasField("dim_value")
    if not is_fixed and not is_batch_of_indices:
        raise SourceError(
            f"the width of input {value.name!r} is not fixed; only batch and sequence may be"
        )
    shape = tuple(d.dim_value if d.HasField("dim_value") else 1 for d in dims)
    if min(shape) < 1 or math.prod(shape) > MAX_INPUT:
        raise SourceError(
            f"input {value.name!r} has shape {shape}, expected 1 to {MAX_INPUT} elements"
        )
    return GraphInput(value.name, shape)


def reads(node: onnx.NodeProto) -> Iterator[str]:
    """What a node reads, its branches included."""
    yield from node.input
    for graph in (a.g for a in node.attribute if a.HasField("g")):
        yield from (result.name for result in graph.output)
        for inner in graph.node:
            yield from reads(inner)


def _needed(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str]) -> list[onnx.NodeProto]:
    wanted = set(outputs)
    needed = []
    for node in reversed(nodes):
        if wanted.intersection(node.output):
            wanted.update(filter(None, reads(node)))
            needed.append(node)
    return needed[::-1]
