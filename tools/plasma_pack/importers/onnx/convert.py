# SPDX-License-Identifier: Apache-2.0
"""ONNX in, program out: what torch.onnx.export makes of an MLP, a recurrent policy or a
convolutional network, by either exporter.

The batch is 1. A recurrent state that the network takes as an input and gives back as an output
stays inside the program, as a state that is carried from tick to tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import helper, numpy_helper

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.lowering import Options, lower
from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.activations import ACTIVATIONS
from plasma_pack.importers.onnx.arithmetic import ARITHMETIC
from plasma_pack.importers.onnx.attention import ATTENTION
from plasma_pack.importers.onnx.classic import CLASSIC, DOMAIN
from plasma_pack.importers.onnx.contractions import CONTRACTIONS
from plasma_pack.importers.onnx.foresight import result_types
from plasma_pack.importers.onnx.gather import BY_INDEX, PICKS
from plasma_pack.importers.onnx.graph import MOVEMENT, Graph, GraphInput, Source, load_graph
from plasma_pack.importers.onnx.images import IMAGES
from plasma_pack.importers.onnx.layers import LAYERS
from plasma_pack.importers.onnx.logic import LOGIC
from plasma_pack.importers.onnx.moves import MOVES, RANDOM
from plasma_pack.importers.onnx.node import Node
from plasma_pack.importers.onnx.recurrent import RECURRENT
from plasma_pack.importers.onnx.reductions import REDUCTIONS
from plasma_pack.importers.onnx.rotary import ROTARY
from plasma_pack.importers.onnx.states import cell_pairs, recurrent_pairs
from plasma_pack.importers.onnx.written_out import has_definition, written_out
from plasma_pack.program.program import Array, Program, Storage

OPERATORS = {
    **(ACTIVATIONS | ARITHMETIC | ATTENTION | CONTRACTIONS | IMAGES | LAYERS | LOGIC | MOVES),
    **(CLASSIC | PICKS | RANDOM | RECURRENT | REDUCTIONS | ROTARY),
}


_GRAPHS = (onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS)
# Known as soon as the shapes are.
_OF_SHAPES = ("EyeLike", "Shape", "Size")


@dataclass(frozen=True)
class Imported:
    """A program, and what the file says about itself."""

    program: Program
    opset: int
    producer: str


def import_onnx(
    source: Source, *, states: Mapping[str, str] | None = None, options: Options | None = None
) -> Imported:
    """Compile an ONNX policy. Raises SourceError naming the node and what to do.

    states: recurrent inputs and the outputs that feed them at the next tick, by name; those of GRU and
    LSTM, operators or written out, and of RNN operators are found without it.
    """
    graph = load_graph(source)
    pairs = recurrent_pairs(graph, states or {})
    walk = _walked(graph, pairs)
    if cells := cell_pairs(walk.builder, walk.live, graph, pairs):
        walk = _walked(graph, pairs | cells)
    return Imported(walk.finish(options or Options()), graph.opset, graph.producer)


def _walked(graph: Graph, pairs: Mapping[str, str]) -> _Walk:
    walk = _Walk(graph, pairs)
    for node in graph.nodes:
        try:
            walk.convert(node)
        except (ValueError, LookupError, TypeError, AttributeError, ArithmeticError) as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"{graph.where(node)} breaks the rules of ONNX: {error}") from error
    return walk


class _Walk:
    """Visits nodes in order; every ONNX value is a constant array or the ids of live elements."""

    def __init__(self, graph: Graph, pairs: Mapping[str, str]) -> None:
        self.graph = graph
        self.pairs = pairs
        self.builder = Builder()
        self.constants: dict[str, Array] = dict(graph.constants)
        self.live: dict[str, Ids] = {}
        for value in graph.inputs:
            storage = Storage.STATE if value.name in pairs else Storage.INPUT
            dims = _input_dims(value) if storage is Storage.INPUT else int(np.prod(value.shape))
            ids = self.builder.declare(value.name, dims, storage)
            self.live[value.name] = ids.reshape(value.shape)

    def convert(self, node: onnx.NodeProto) -> None:
        if node.domain not in ("", "ai.onnx") and not _is_classic(node):
            raise SourceError(
                f"{self.graph.where(node)} is of domain {node.domain!r}; "
                "export with standard operators"
            )
        types = result_types(node, lambda name: self.graph.type_of(name, self.constants))
        self.graph.types.update(types)
        if node.op_type == "If":
            self._branch(node)
        elif self._is_known(node):
            inputs = [self._shaped_like(name) if name else None for name in node.input]
            results = self.graph.evaluate(node, inputs)
            self.constants.update((k, v) for k, v in zip(node.output, results, strict=True) if k)
        elif node.op_type in MOVEMENT and not self._picks(node):
            self._move(node)
        elif not self._compute(node) and not self._write_out(node):
            raise self._unsupported(node)

    def _unsupported(self, node: onnx.NodeProto) -> SourceError:
        where = self.graph.where(node)
        if node.op_type in OPERATORS:
            return SourceError(f"{where} has a form that is not supported; write it out by others")
        return SourceError(
            f"{where} is not supported; supported are "
            f"{', '.join(sorted(MOVEMENT | OPERATORS.keys()))}. "
            "Rewrite that layer with these and export again"
        )

    def _is_known(self, node: onnx.NodeProto) -> bool:
        """Whether its result depends on shapes and types alone."""
        if any(a.type in _GRAPHS for a in node.attribute):
            return False  # a loop need not end
        if node.op_type == "CastLike":
            return node.input[0] in self.constants
        is_live = node.op_type in RANDOM or any(name in self.live for name in node.input)
        return node.op_type in _OF_SHAPES or not is_live

    def _compute(self, node: onnx.NodeProto) -> bool:
        if node.op_type not in OPERATORS:
            return False
        operands = Node(self.graph, self.builder, node, self.live, self.constants)
        results = OPERATORS[node.op_type](operands)
        self.live.update(zip(node.output, results or [], strict=False))
        return results is not None

    def _write_out(self, node: onnx.NodeProto) -> bool:
        """As the operators that ONNX defines it by."""
        if not has_definition(node.op_type, self.graph.opset):
            return False
        operands = {
            name: (self.graph.type_of(name, self.constants), self._shaped_like(name).shape)
            for name in node.input
            if name
        }
        nodes = written_out(node, operands, self.graph.opset_imports)
        for inner in nodes:
            self.convert(inner)
        return bool(nodes)

    def _shaped_like(self, name: str) -> Array:
        """A constant, or zeros instead of what is not known yet but for its shape."""
        if name not in self.live:
            return self.constants[name]
        dtype = helper.tensor_dtype_to_np_dtype(self.graph.type_of(name, {}))
        return np.broadcast_to(np.zeros((), dtype), self.live[name].shape)

    def _branch(self, node: onnx.NodeProto) -> None:
        """The branch that a constant condition takes."""
        condition = self.constants.get(node.input[0])
        if condition is None:
            raise SourceError(
                f"{self.graph.where(node)} depends on data; compute both and choose with Where"
            )
        wanted = "then_branch" if bool(np.all(condition)) else "else_branch"
        graph = next(a.g for a in node.attribute if a.name == wanted)
        self.constants.update((i.name, numpy_helper.to_array(i)) for i in graph.initializer)
        for inner in graph.node:
            self.convert(inner)
        for name, result in zip(node.output, graph.output, strict=True):
            self.graph.types[name] = self.graph.type_of(result.name, self.constants)
            of = self.live if result.name in self.live else self.constants
            of[name] = of[result.name]

    def _picks(self, node: onnx.NodeProto) -> bool:
        """Whether which elements it moves is known at run time only."""
        return node.op_type in BY_INDEX and node.input[1] in self.live

    def _move(self, node: onnx.NodeProto) -> None:
        inputs: list[Array | None] = []
        for position, name in enumerate(node.input):
            is_data = position == 0 or node.op_type == "Concat"
            if name in self.live and not is_data:
                raise SourceError(
                    f"{self.graph.where(node)} moves elements depending on data; "
                    "that is not supported"
                )
            inputs.append(self._ids(name) if is_data else self.constants.get(name))
        moved = self.graph.evaluate(node, inputs)
        self.live.update({name: ids for name, ids in zip(node.output, moved, strict=True) if name})

    def _ids(self, name: str) -> Ids:
        if name in self.live:
            return self.live[name]
        values = self.constants[name]
        return self.builder.ids(self.builder.constant(values)).reshape(values.shape)

    def finish(self, options: Options) -> Program:
        fed_back = set(self.pairs.values())
        outputs = {name: self._output(name) for name in self.graph.outputs if name not in fed_back}
        outputs = {name: ids.reshape(_dims(ids.shape)) for name, ids in outputs.items()}
        if not outputs:
            raise SourceError(
                "the network has no output besides its state; export the action as an output"
            )
        for name in outputs.keys() & {value.name for value in self.graph.inputs}:
            raise SourceError(f"{name!r} is an input and an output; export the policy without it")
        states = {taken: self._state(taken, given) for taken, given in self.pairs.items()}
        program = lower(self.builder, outputs, states, options)
        used = {tensor.name for tensor in program.tensors}
        for value in self.graph.inputs:
            if value.name not in used and value.name not in self.pairs:
                raise SourceError(
                    f"input {value.name!r} does not reach any output; export the policy without it"
                )
        return program

    def _output(self, name: str) -> Ids:
        if name not in self.live:
            raise SourceError(
                f"output {name!r} does not depend on any input; export the policy without it"
            )
        return self.live[name]

    def _state(self, taken: str, given: str) -> Ids:
        ids = self._output(given)
        if ids.size != self.live[taken].size:
            raise SourceError(
                f"state {taken!r} has {self.live[taken].size} elements, "
                f"{given!r} that should feed it has {ids.size}"
            )
        return ids


def _is_classic(node: onnx.NodeProto) -> bool:
    return node.domain == DOMAIN and node.op_type in CLASSIC


def _input_dims(value: GraphInput) -> tuple[int, ...]:
    if len(value.shape) > 1 and value.shape[0] != 1:
        raise SourceError(
            f"input {value.name!r} is {value.shape}: found a batch of {value.shape[0]}; "
            "export with batch 1 or a dynamic batch"
        )
    return _dims(value.shape)


def _dims(shape: tuple[int, ...]) -> tuple[int, ...]:
    """An image [1, channels, height, width] and tokens [1, T, n] are declared without their batch;
    the rest is a vector.
    """
    is_vector = len(shape) not in (3, 4) or shape[0] != 1 or np.prod(shape) == shape[-1]
    return (int(np.prod(shape)),) if is_vector else shape[1:]
