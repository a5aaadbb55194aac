# SPDX-License-Identifier: Apache-2.0
"""From a Builder's operations to a Program with float weights: sweep what nothing reads, also rows of
it, give outputs and states their writers. How weights are stored is for precision.py to say.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids, Op
from plasma_pack.compiler.moves import Walk
from plasma_pack.compiler.narrow import narrow
from plasma_pack.errors import SourceError
from plasma_pack.program.program import (
    Array,
    DType,
    Instruction,
    Io,
    Program,
    Slot,
    Storage,
    Tensor,
)

# Constants of these have the shape of the result.
_ELEMENTWISE = ("normalize", "clamp", "squash")

_TABLE_ORDER = (Storage.INPUT, Storage.OUTPUT, Storage.STATE, Storage.CONST, Storage.ARENA)


@dataclass(frozen=True)
class Options:
    """max_rank: of every slot; 0 makes no slots."""

    max_rank: int = 16


def lower(
    builder: Builder, outputs: Mapping[str, Ids], states: Mapping[str, Ids], options: Options
) -> Program:
    """outputs: elements of each output by name, in its shape. states: next value of each state (declared in the
    builder) by name.
    """
    for ids in outputs.values():  # what they read of a state must be known first
        builder.tensor(ids, ids.shape)
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
        flat = next_ids.reshape(-1)
        for begin, end in _extents_in_use(builder, name):  # what they become may use others
            builder.tensor(flat[begin:end])
        _unite_overlapping(builder, name)
        for begin, end in _extents_in_use(builder, name):
            part = builder.state_part(name, begin, end)
            source = builder.tensor(flat[begin:end])
            if builder.spans[source].storage is Storage.STATE:
                source = builder.unary("copy", source)
            copies.append(Op("copy", part, (source,)))
    return copies


def _write_outputs(builder: Builder, outputs: Mapping[str, Ids], state_sources: list[str]) -> None:
    """Each output is written by the instruction that makes it, or by a copy when others read that
    value too.
    """
    sources = {name: builder.tensor(ids, ids.shape) for name, ids in outputs.items()}
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


def _extents_in_use(builder: Builder, state: str) -> list[tuple[int, int]]:
    """(begin, end) of each part of a state that something reads."""
    read = {name for op in builder.ops for name in op.inputs}
    return sorted(
        (begin, end)
        for name, span in builder.spans.items()
        if span.storage is Storage.STATE and name in read
        for whole, begin, end in [builder.origin(name)]
        if whole == state
    )


def _unite_overlapping(builder: Builder, state: str) -> None:
    """Parts that share elements cannot each be a state: then the whole is one, and they are taken
    out of it. So frames are stacked: what is kept and what is read overlap.
    """
    extents = _extents_in_use(builder, state)
    if all(end <= begin for (_, end), (begin, _) in zip(extents, extents[1:], strict=False)):
        return
    for begin, end in extents:
        part = builder.state_part(state, begin, end)
        if part != state:
            builder.spans[part] = replace(builder.spans[part], storage=Storage.ARENA)
            walk = Walk(begin, (end - begin,), (1,))
            builder.ops.insert(0, Op("strided", part, (state,), immediates=walk.immediates))


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
        self._weights: dict[tuple[bytes, tuple[int, ...]], str] = {}

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
        values = values.astype(np.float32)
        if op.op == "linear":  # once, however many steps of a window read them
            name = self._weights.setdefault((values.tobytes(), values.shape), name)
        self.tensors[name] = Tensor(name, DType.F32, values.shape, Storage.CONST, values)
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
