# SPDX-License-Identifier: Apache-2.0
"""From a Builder's operations to a Program: sweep what nothing reads, also rows of it, give outputs
and states their writers, quantise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from .builder import Builder, Ids, Op
from .errors import SourceError
from .narrow import narrow
from .program import Array, DType, Instruction, Io, Program, Slot, Storage, Tensor
from .quantize import quantize
from .rows import matrix

# Constants of these have the shape of the result.
_ELEMENTWISE = ("normalize", "clamp", "squash")

_TABLE_ORDER = (Storage.INPUT, Storage.OUTPUT, Storage.STATE, Storage.CONST, Storage.ARENA)


@dataclass(frozen=True)
class Options:
    """weights: 'int8' or 'f32'. max_rank: of every slot; 0 makes no slots."""

    weights: str = "int8"
    max_rank: int = 16


def lower(
    builder: Builder, outputs: Mapping[str, Ids], states: Mapping[str, Ids], options: Options
) -> Program:
    """outputs: elements of each output by name. states: next value of each state (declared in the
    builder) by name.
    """
    state_copies = _state_copies(builder, states)
    _write_outputs(builder, outputs, [copy.inputs[0] for copy in state_copies])
    builder.ops += state_copies
    lowering = _Lowering(builder, options)
    for op in narrow(builder, _live_ops(builder)):
        lowering.add(op)
    return lowering.program()


def _state_copies(builder: Builder, states: Mapping[str, Ids]) -> list[Op]:
    """What writes each state that is read; to be run last, for a state is written after its last
    read.
    """
    copies = []
    for name, next_ids in states.items():
        for part in _parts_in_use(builder, name):
            begin, end = _extent(part, name, builder.spans[name].elements)
            source = builder.tensor(next_ids.reshape(-1)[begin:end])
            if builder.spans[source].storage is Storage.STATE:
                source = builder.unary("copy", source)
            copies.append(Op("copy", part, (source,)))
    return copies


def _write_outputs(builder: Builder, outputs: Mapping[str, Ids], state_sources: list[str]) -> None:
    """Each output is written by the instruction that makes it, or by a copy when others read that
    value too.
    """
    sources = {name: _output(builder, ids) for name, ids in outputs.items()}
    read = [*sources.values(), *state_sources, *(name for op in builder.ops for name in op.inputs)]
    for name, source in sources.items():
        span = builder.spans[source]
        builder.declare(name, span.dims, Storage.OUTPUT, span.dtype)
        made = builder.made.get(source)
        if made is not None and read.count(source) == 1:
            builder.ops[builder.ops.index(made)] = replace(made, output=name)
        elif made is not None and span.dtype is DType.I32:  # no instruction copies an index
            builder.ops.append(replace(made, output=name))
        else:
            builder.ops.append(Op("copy", name, (source,)))


def _output(builder: Builder, ids: Ids) -> str:
    """Tokens [1, T, n] go out as [T, n], anything else as a vector."""
    has_rows = ids.ndim == 3 and ids.shape[0] == 1 and ids.shape[1] > 1
    return matrix(builder, ids[0]) if has_rows else builder.tensor(ids)


def _parts_in_use(builder: Builder, state: str) -> list[str]:
    read = {name for op in builder.ops for name in op.inputs}
    parts = [
        name
        for name, span in builder.spans.items()
        if span.storage is Storage.STATE
        and name in read
        and (name == state or name.startswith(f"{state}["))
    ]
    ends = sorted(_extent(part, state, builder.spans[state].elements) for part in parts)
    if any(begin < end for (_, end), (begin, _) in zip(ends, ends[1:], strict=False)):
        raise SourceError(
            f"parts of the state {state!r} overlap; use it whole or in separate parts"
        )
    return parts


def _extent(part: str, state: str, elements: int) -> tuple[int, int]:
    if part == state:
        return 0, elements
    begin, end = part[len(state) + 1 : -1].split(":")
    return int(begin), int(end)


def _live_ops(builder: Builder) -> list[Op]:
    needed: set[str] = set()
    live: list[Op] = []
    for op in reversed(builder.ops):
        is_root = builder.spans[op.output].storage in (Storage.OUTPUT, Storage.STATE)
        if is_root or op.output in needed:
            needed.update(op.inputs)
            live.append(op)
    return live[::-1]


class _Lowering:
    """Instructions and tensors in the order that layout wants them."""

    def __init__(self, builder: Builder, options: Options) -> None:
        self.builder = builder
        self.options = options
        self.tensors: dict[str, Tensor] = {}
        self.instructions: list[Instruction] = []

    def add(self, op: Op) -> None:
        for name in (*op.inputs, op.output):
            self._tensor(name)
        prefix = f"%i{len(self.instructions)}"
        constants = [
            self._constant(f"{prefix}c{k}", values, op) for k, values in enumerate(op.constants)
        ]
        self.instructions.append(
            Instruction(op.op, op.output, (*op.inputs, *constants), op.immediates, op.label)
        )

    def program(self) -> Program:
        tensors = sorted(self.tensors.values(), key=self._rank)
        slots, names = self._slots()
        ios = [
            Io(t.name, t.name)
            for s in (Storage.INPUT, Storage.OUTPUT)
            for t in tensors
            if t.storage is s
        ]
        return Program(tuple(tensors), tuple(self.instructions), tuple(ios), slots, names)

    def _rank(self, tensor: Tensor) -> tuple[int, int]:
        """Inputs and outputs as declared, then states, constants, arena by first use."""
        is_io = tensor.storage in (Storage.INPUT, Storage.OUTPUT)
        declared = self.builder.spans[tensor.name].first if is_io else 0
        return _TABLE_ORDER.index(tensor.storage), declared

    def _tensor(self, name: str) -> None:
        span = self.builder.spans[name]
        values = self.builder.constants.get(name)
        self.tensors.setdefault(name, Tensor(name, span.dtype, span.dims, span.storage, values))

    def _constant(self, name: str, values: Array, op: Op) -> str:
        if not np.isfinite(values).all():
            raise SourceError(
                f"a constant of {op.label or op.op} holds NaN or infinity; train again"
            )
        if op.op in _ELEMENTWISE:
            values = values.reshape(self.builder.spans[op.output].dims)
        is_kernel = op.op == "conv2d" and values.ndim == 4
        if is_kernel and self.options.weights != "int8":
            raise SourceError(f"{op.label} is a convolution, which has int8 weights only")
        if is_kernel or (values.ndim == 2 and op.op == "linear" and self.options.weights == "int8"):
            matrix = quantize(values.reshape(len(values), -1), f"weights of {op.label}")
            scale = f"{name}s"
            self.tensors[scale] = Tensor(
                scale, DType.F32, matrix.scales.shape, Storage.CONST, matrix.scales
            )
            self.tensors[name] = Tensor(
                name,
                DType.I8,
                values.shape,
                Storage.CONST,
                matrix.values.reshape(values.shape),
                scale,
            )
        else:
            floats = values.astype(np.float32)
            self.tensors[name] = Tensor(name, DType.F32, values.shape, Storage.CONST, floats)
        return name

    def _slots(self) -> tuple[tuple[Slot, ...], tuple[str, ...]]:
        if self.options.max_rank == 0:
            return (), ()
        linears = [(i, op) for i, op in enumerate(self.instructions) if op.op == "linear"]
        slots = []
        for index, instruction in linears:
            rows, cols = self.tensors[instruction.inputs[1]].dims
            slots.append(Slot(index, self.options.max_rank, cols, rows))
        return tuple(slots), tuple(instruction.label or f"linear{i}" for i, instruction in linears)
