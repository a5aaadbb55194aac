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

from plasma_pack.compiler.builder import Builder, Ids
from plasma_pack.compiler.lowering import Options, lower
from plasma_pack.errors import SourceError
from plasma_pack.importers.onnx.activations import ACTIVATIONS
from plasma_pack.importers.onnx.arithmetic import ARITHMETIC
from plasma_pack.importers.onnx.attention import ATTENTION
from plasma_pack.importers.onnx.gather import BY_INDEX, PICKS
from plasma_pack.importers.onnx.graph import MOVEMENT, Graph, GraphInput, Source, load_graph
from plasma_pack.importers.onnx.images import IMAGES
from plasma_pack.importers.onnx.layers import LAYERS
from plasma_pack.importers.onnx.node import Node
from plasma_pack.importers.onnx.recurrent import RECURRENT
from plasma_pack.importers.onnx.reductions import REDUCTIONS
from plasma_pack.importers.onnx.rotary import ROTARY
from plasma_pack.importers.onnx.states import recurrent_pairs
from plasma_pack.program.program import Array, Program, Storage

OPERATORS = (
    ACTIVATIONS | ARITHMETIC | ATTENTION | IMAGES | LAYERS | PICKS | RECURRENT | REDUCTIONS | ROTARY
)


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

    states: recurrent inputs and the outputs that feed them at the next tick, by name; those of GRU,
    LSTM and RNN operators are found without it.
    """
    graph = load_graph(source)
    walk = _Walk(graph, recurrent_pairs(graph, states or {}))
    for node in graph.nodes:
        try:
            walk.convert(node)
        except (ValueError, LookupError, TypeError, AttributeError) as error:
            if isinstance(error, SourceError):
                raise
            raise SourceError(f"{graph.where(node)} breaks the rules of ONNX: {error}") from error
    return Imported(walk.finish(options or Options()), graph.opset, graph.producer)


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
        live = [name for name in node.input if name in self.live]
        if node.domain not in ("", "ai.onnx"):
            raise SourceError(
                f"{self.graph.where(node)} is of domain {node.domain!r}; "
                "export with standard operators"
            )
        if node.op_type == "Shape" and live:
            self.constants[node.output[0]] = np.array(self.live[live[0]].shape, np.int64)
        elif not live:
            inputs = [self.constants[name] if name else None for name in node.input]
            self.constants.update(zip(node.output, self.graph.evaluate(node, inputs), strict=True))
        elif node.op_type in MOVEMENT and not self._picks(node):
            self._move(node)
        elif node.op_type in OPERATORS:
            operands = Node(self.graph, self.builder, node, self.live, self.constants)
            self.live.update(zip(node.output, OPERATORS[node.op_type](operands), strict=False))
        else:
            raise SourceError(
                f"{self.graph.where(node)} is not supported; supported are "
                f"{', '.join(sorted(MOVEMENT | OPERATORS.keys()))}. "
                "Rewrite that layer with these and export again"
            )

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
