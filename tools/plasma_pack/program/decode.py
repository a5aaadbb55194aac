# SPDX-License-Identifier: Apache-2.0
"""Section bytes back to records, for disassembling and for building adapters.

Refuses what records cannot say (unknown enumerators, reserved bits, indices without a tensor) with
the code that the validator would use. It proves nothing beyond that.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from enum import IntEnum
from typing import NamedTuple, TypeVar

import numpy as np

from plasma_pack.errors import packet_error
from plasma_pack.packet.format import Section
from plasma_pack.program.program import (
    MNEMONICS,
    OPCODES,
    Array,
    DType,
    Instruction,
    Io,
    Matrix,
    Patch,
    Program,
    Safe,
    Slot,
    Storage,
    Tensor,
)
from plasma_pack.program.tables import (
    CONST_SECTIONS,
    INSTRUCTION,
    IO,
    NO_BIAS,
    NONE,
    PATCH,
    SAFE_HEAD,
    SAFE_RECORD,
    SLOT,
    TENSOR,
)

_Enum = TypeVar("_Enum", bound=IntEnum)
_LETTERS = {
    Storage.CONST: "c",
    Storage.ARENA: "a",
    Storage.STATE: "s",
    Storage.INPUT: "in",
    Storage.OUTPUT: "out",
}


class _IoRecord(NamedTuple):
    name: bytes
    direction: int
    dtype: int
    flags: int
    pad: int
    rank: int
    d0: int
    d1: int
    d2: int
    d3: int
    tensor: int
    gap: int
    unit: bytes
    low: float
    high: float
    rest: bytes


def decode(sections: Mapping[int, bytes], slot_names: Sequence[str] = ()) -> Program:
    """Records of a base. A tensor is named after its io where that is an identifier, else c0, a1,
    s2, ... by index.
    """
    records = [_IoRecord(*IO.unpack(raw)) for raw in _split(sections, Section.IO, IO.size)]
    names = _tensor_names(sections, {record.tensor: _text(record.name) for record in records})
    tensors = tuple(_tensors(sections, names))
    return Program(
        tensors=tensors,
        instructions=tuple(_instructions(sections, names)),
        ios=tuple(_io(record, names) for record in records),
        slots=tuple(_slots(sections)),
        slot_names=tuple(slot_names),
        safes=tuple(_safes(sections.get(Section.SAFE, b""), records, tensors)),
    )


def decode_patches(sections: Mapping[int, bytes], slots: Sequence[Slot]) -> tuple[Patch, ...]:
    """Records of an adapter; the slots of its base give the shapes."""
    constants = sections.get(Section.LORA_CONST, b"")
    patches = []
    for raw in _split(sections, Section.LORA, PATCH.size):
        index, rank, scale, a, a_scale, b, b_scale, bias, _ = PATCH.unpack(raw)
        if index >= len(slots):
            raise packet_error(
                "E_PROG_PATCH", f"a patch is for slot {index}, the base has {len(slots)} slots"
            )
        slot = slots[index]
        patches.append(
            Patch(
                slot=index,
                scale=scale,
                a=_matrix(constants, a, a_scale, rank, slot.inputs),
                b=_matrix(constants, b, b_scale, slot.outputs, rank),
                bias=None
                if bias == NO_BIAS
                else _take(constants, bias, DType.F32, (slot.outputs,)),
            )
        )
    return tuple(patches)


def _split(sections: Mapping[int, bytes], section: Section, size: int) -> Iterator[bytes]:
    raw = sections.get(section, b"")
    if len(raw) % size:
        raise packet_error(
            "E_PROG_FORMAT", f"{section.name} has {len(raw)} bytes, expected a multiple of {size}"
        )
    return (raw[at : at + size] for at in range(0, len(raw), size))


def _text(raw: bytes) -> str:
    return raw.rstrip(b"\0").decode("latin-1")


def _enum(kind: type[_Enum], value: int) -> _Enum:
    try:
        return kind(value)
    except ValueError as error:
        raise packet_error("E_PROG_FORMAT", f"{value} is not a {kind.__name__}") from error


def _name(names: Sequence[str], index: int) -> str:
    if index >= len(names):
        raise packet_error("E_PROG_ARITY", f"operand {index}, but there are {len(names)} tensors")
    return names[index]


def _take(raw: bytes, at: int, dtype: DType, dims: tuple[int, ...]) -> Array:
    size = int(np.prod(dims, dtype=object)) * dtype.numpy.itemsize
    if at + size > len(raw):
        raise packet_error(
            "E_PROG_BOUNDS", f"a constant ends at {at + size}, its section at {len(raw)}"
        )
    return np.frombuffer(raw[at : at + size], dtype.numpy).reshape(dims)


def _tensor_names(sections: Mapping[int, bytes], io_names: Mapping[int, str]) -> list[str]:
    names: list[str] = []
    for index, raw in enumerate(_split(sections, Section.TENS, TENSOR.size)):
        wanted = io_names.get(index, "")
        is_plain = wanted.isascii() and wanted.isidentifier()
        name = wanted if is_plain else f"{_LETTERS[_enum(Storage, raw[2])]}{index}"
        names.append(name if name not in names else f"{name}_{index}")
    return names


def _tensors(sections: Mapping[int, bytes], names: Sequence[str]) -> Iterator[Tensor]:
    for name, raw in zip(names, _split(sections, Section.TENS, TENSOR.size), strict=True):
        dtype, rank, storage, flags, d0, d1, d2, d3, offset, scale, reserved = TENSOR.unpack(raw)
        dims = (d0, d1, d2, d3)
        if not 1 <= rank <= 4 or flags or any(reserved) or any(dim != 1 for dim in dims[rank:]):
            raise packet_error(
                "E_PROG_FORMAT", f"tensor {name} has a bad rank or a reserved field set"
            )
        tensor = Tensor(
            name,
            _enum(DType, dtype),
            dims[:rank],
            _enum(Storage, storage),
            scale=None if scale == NONE else _name(names, scale),
            offset=offset,
        )
        if tensor.storage is Storage.CONST:
            section = sections.get(CONST_SECTIONS[tensor.dtype], b"")
            tensor = replace(tensor, values=_take(section, offset, tensor.dtype, tensor.dims))
        yield tensor


def _instructions(sections: Mapping[int, bytes], names: Sequence[str]) -> Iterator[Instruction]:
    for raw in _split(sections, Section.PROG, INSTRUCTION.size):
        code, flags, n_in, n_out, reserved, *operands, immediates = INSTRUCTION.unpack(raw)
        if code not in MNEMONICS:
            raise packet_error("E_PROG_OPCODE", f"opcode {code} is not in opset 1")
        op = MNEMONICS[code]
        count = OPCODES[op].immediates
        unused = {*operands[n_in:8], *operands[9:]}
        if (
            flags
            or reserved
            or n_out != 1
            or n_in > 8
            or unused != {NONE}
            or any(immediates[4 * count :])
        ):
            raise packet_error(
                "E_PROG_ARITY", f"a {op} has operands or reserved fields that are not its own"
            )
        yield Instruction(
            op,
            _name(names, operands[8]),
            tuple(_name(names, index) for index in operands[:n_in]),
            struct.unpack_from(f"<{count}f", immediates),
        )


def _io(record: _IoRecord, names: Sequence[str]) -> Io:
    if record.direction > 1 or record.flags > 1 or record.pad or record.gap or any(record.rest):
        raise packet_error("E_PROG_FORMAT", "an io has a bad direction or a reserved field set")
    return Io(
        tensor=_name(names, record.tensor),
        name=_text(record.name),
        actuator=record.flags == 1,
        unit=_text(record.unit),
        low=record.low,
        high=record.high,
    )


def _slots(sections: Mapping[int, bytes]) -> Iterator[Slot]:
    for raw in _split(sections, Section.SLOTS, SLOT.size):
        instruction, max_rank, inputs, outputs, reserved = SLOT.unpack(raw)
        if reserved:
            raise packet_error("E_PROG_FORMAT", "a slot has its reserved field set")
        yield Slot(instruction, max_rank, inputs, outputs)


def _safes(raw: bytes, records: Sequence[_IoRecord], tensors: Sequence[Tensor]) -> Iterator[Safe]:
    if not raw:
        return
    count = SAFE_HEAD.unpack_from(raw)[0] if len(raw) >= SAFE_HEAD.size else -1
    at = SAFE_HEAD.size
    for _ in range(count):
        if at + SAFE_RECORD.size > len(raw):
            raise packet_error("E_PROG_FORMAT", "SAFE ends inside a record")
        io_index, _, n = SAFE_RECORD.unpack_from(raw, at)
        at += SAFE_RECORD.size
        if io_index >= len(records):
            raise packet_error("E_PROG_SAFE", f"SAFE names io {io_index}, there are {len(records)}")
        tensor = tensors[records[io_index].tensor]
        low, high, max_delta, safe = (
            _take(raw, at + 4 * n * k, dtype, (n,))
            for k, dtype in enumerate((tensor.dtype, tensor.dtype, DType.F32, tensor.dtype))
        )
        at += 16 * n
        yield Safe(tensor.name, low, high, max_delta, safe)
    if at != len(raw):
        raise packet_error("E_PROG_FORMAT", f"SAFE has {len(raw)} bytes, its records {at}")


def _matrix(constants: bytes, at: int, scales_at: int, rows: int, cols: int) -> Matrix:
    return Matrix(
        _take(constants, at, DType.I8, (rows, cols)),
        _take(constants, scales_at, DType.F32, (rows,)),
    )
