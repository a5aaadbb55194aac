# SPDX-License-Identifier: Apache-2.0
"""Gives every tensor its offset: constants in order of first use, arena tensors where nothing alive
is.

The arena is shared by live ranges: each tensor, in the order they are written, takes the lowest
offset free of every tensor alive at the same time. An element-wise result goes exactly over an
operand that dies there. An offset that is given (`@` in text) is kept.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from plasma_pack.packet.format import align
from plasma_pack.program.program import (
    OPCODES,
    DType,
    Instruction,
    Program,
    Storage,
    Tensor,
)


@dataclass(frozen=True)
class Life:
    """First and last instruction (indices, both included) at which an arena tensor holds a
    value.
    """

    written: int
    last_read: int

    def overlaps(self, other: Life) -> bool:
        return self.written <= other.last_read and other.written <= self.last_read


@dataclass(frozen=True)
class _Placed:
    name: str
    life: Life
    begin: int
    end: int


def lay_out(program: Program) -> Program:
    """The same program with every offset set."""
    offsets = {**_const_offsets(program), **_packed_offsets(program), **_arena_offsets(program)}
    return replace(
        program,
        tensors=tuple(replace(tensor, offset=offsets[tensor.name]) for tensor in program.tensors),
    )


def first_uses(program: Program) -> Iterator[Tensor]:
    """Constants in order of first use, an i8 weight's scales right after it; then those that
    nothing uses.
    """
    seen: set[str] = set()
    for name in _operands(program):
        tensor = program.tensor(name)
        if tensor.storage is not Storage.CONST or name in seen:
            continue
        seen.add(name)
        yield tensor
    yield from (t for t in program.select(Storage.CONST) if t.name not in seen)


def lives(program: Program) -> dict[str, Life]:
    """When each arena tensor is alive; one that is never read lives where it is written."""
    found: dict[str, Life] = {}
    for index, instruction in enumerate(program.instructions):
        for name in instruction.inputs:
            if name in found:
                found[name] = Life(found[name].written, index)
        if program.tensor(instruction.output).storage is Storage.ARENA:
            found.setdefault(instruction.output, Life(index, index))
    for tensor in program.select(Storage.ARENA):
        found.setdefault(tensor.name, Life(0, len(program.instructions)))
    return found


def _operands(program: Program) -> Iterator[str]:
    for instruction in program.instructions:
        for name in instruction.inputs:
            yield name
            scale = program.tensor(name).scale
            if scale is not None:
                yield scale


def _const_offsets(program: Program) -> dict[str, int]:
    ends = dict.fromkeys(DType, 0)
    offsets: dict[str, int] = {}
    for tensor in first_uses(program):
        begin = align(ends[tensor.dtype]) if tensor.offset is None else tensor.offset
        offsets[tensor.name] = begin
        ends[tensor.dtype] = begin + tensor.nbytes
    return offsets


def _packed_offsets(program: Program) -> dict[str, int]:
    offsets: dict[str, int] = {}
    for storage in (Storage.STATE, Storage.INPUT, Storage.OUTPUT):
        end = 0
        for tensor in program.select(storage):
            offsets[tensor.name] = end if tensor.offset is None else tensor.offset
            end += tensor.nbytes
    return offsets


def _arena_offsets(program: Program) -> dict[str, int]:
    life = lives(program)
    placed = [
        _place(t, life[t.name], t.offset)
        for t in program.select(Storage.ARENA)
        if t.offset is not None
    ]
    waiting = [t for t in program.select(Storage.ARENA) if t.offset is None]
    for tensor in sorted(waiting, key=lambda t: life[t.name].written):
        begin = _offset_for(program, tensor, life[tensor.name], placed)
        placed.append(_place(tensor, life[tensor.name], begin))
    return {item.name: item.begin for item in placed}


def _place(tensor: Tensor, life: Life, begin: int) -> _Placed:
    return _Placed(tensor.name, life, begin, begin + tensor.nbytes)


def _offset_for(program: Program, tensor: Tensor, life: Life, placed: list[_Placed]) -> int:
    neighbours = [item for item in placed if item.life.overlaps(life)]
    writer = program.writer(tensor.name)
    if writer is not None:
        replaced = _replaceable(program, tensor, writer, life, neighbours)
        if replaced is not None:
            return replaced.begin
    candidates = sorted({0, *(align(item.end) for item in neighbours)})
    return next(begin for begin in candidates if _is_free(begin, tensor.nbytes, neighbours))


def _replaceable(
    program: Program, tensor: Tensor, writer: Instruction, life: Life, neighbours: list[_Placed]
) -> _Placed | None:
    """The operand that `tensor` may be written over: same size, read here for the last time,
    nothing else there.
    """
    row = OPCODES.get(writer.op)
    if row is None or not row.in_place:
        return None
    for item in neighbours:
        others = [other for other in neighbours if other is not item]
        dies_here = item.name in writer.inputs and item.life.last_read == life.written
        same_size = (
            item.end - item.begin == tensor.nbytes
            and program.tensor(item.name).dtype is tensor.dtype
        )
        if dies_here and same_size and _is_free(item.begin, tensor.nbytes, others):
            return item
    return None


def _is_free(begin: int, size: int, neighbours: list[_Placed]) -> bool:
    return all(begin + size <= item.begin or item.end <= begin for item in neighbours)
