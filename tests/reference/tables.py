"""Section 1 of ISA.md: bytes to records, rules 1 to 3, and what of rule 11 a record shows alone."""

from __future__ import annotations

import math
import re
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from tests.reference.container import require
from tests.reference.sections import IO, PROG, SAFE, SLOTS, TENS

I8, F16, F32, I32 = 1, 2, 3, 4
CONST, ARENA, STATE, INPUT, OUTPUT = range(5)
NONE = 0xFFFF
NO_BIAS = 0xFFFFFFFF
MAX_ELEMENTS = 1 << 28
_BYTES = {I8: 1, F16: 2, F32: 4, I32: 4}
_INSTRUCTION = struct.Struct("<HHBBH8H4H8f")
_TENSOR = struct.Struct("<BBBB4IIH6s")
_IO = struct.Struct("<32sBBBBI4IHH16sff12s")
_SLOT = struct.Struct("<HHIII")
_PATCH = struct.Struct("<HHfIIIIII")
Row = tuple[Any, ...]
_OPCODES_DEF = Path(__file__).parents[2] / "cpp/vm/opcodes.def"


class Opcode(NamedTuple):
    """One row of opcodes.def."""

    name: str
    required: int
    optional: int
    immediates: int
    cost: int
    is_in_place: bool


def _opcodes() -> dict[int, Opcode]:
    row = r"^PLASMA_OP\((\d+), \w+, \"(\w+)\", (\d+), (\d+), (\d+), (\d+), (\w+)\)"
    found = re.findall(row, _OPCODES_DEF.read_text("utf-8"), re.MULTILINE)
    return {
        int(code): Opcode(name, *map(int, numbers), place == "InPlace")
        for code, name, *numbers, place in found
    }


OPCODES = _opcodes()


@dataclass(frozen=True)
class Instruction:
    opcode: Opcode
    ins: tuple[int, ...]
    out: int
    imm: tuple[float, ...]

    @property
    def name(self) -> str:
        return self.opcode.name


@dataclass(frozen=True)
class Tensor:
    dtype: int
    rank: int
    storage: int
    dims: tuple[int, ...]
    offset: int
    scale: int

    @property
    def shape(self) -> tuple[int, ...]:
        return self.dims[: self.rank]

    @property
    def elements(self) -> int:
        return math.prod(self.dims)

    @property
    def bytes(self) -> int:
        return self.elements * _BYTES[self.dtype]

    @property
    def end(self) -> int:
        return self.offset + self.bytes

    @property
    def row(self) -> int:
        """The length of its rows: the last dimension."""
        return self.shape[-1]

    @property
    def rows(self) -> int:
        return self.elements // self.row

    def is_f32(self, *shape: int) -> bool:
        return self.dtype == F32 and self.shape == shape


@dataclass(frozen=True)
class Io:
    name: bytes
    is_output: bool
    is_actuator: bool
    dtype: int
    rank: int
    dims: tuple[int, ...]
    tensor: int


@dataclass(frozen=True)
class Slot:
    op_index: int
    max_rank: int
    cols: int
    rows: int


@dataclass(frozen=True)
class Safe:
    """Four vectors, low, high, max_delta and safe, of n words each."""

    io_index: int
    n: int
    words: tuple[bytes, bytes, bytes, bytes]


@dataclass(frozen=True)
class Patch:
    slot: int
    rank: int
    scale: float
    offsets: tuple[int, int, int, int]
    bias: int


@dataclass(frozen=True)
class Program:
    """The tables of a base, and its sections."""

    sections: dict[int, bytes]
    instructions: list[Instruction]
    tensors: list[Tensor]
    io: list[Io]
    slots: list[Slot]
    safe: list[Safe]

    def constant(self, tensor: Tensor) -> bytes:
        return self.section_of(tensor)[tensor.offset : tensor.end]

    def section_of(self, tensor: Tensor) -> bytes:
        return self.sections.get(2 + tensor.dtype, b"")


def parse(sections: dict[int, bytes]) -> Program:
    """The tables one after the other, each record whole before the next."""
    return Program(
        sections,
        [_instruction(row) for row in _rows(sections[PROG], _INSTRUCTION, 4_096)],
        [_tensor(row) for row in _rows(sections[TENS], _TENSOR, 8_192)],
        [_io(row) for row in _rows(sections[IO], _IO, 64)],
        [_slot(row) for row in _rows(sections.get(SLOTS, b""), _SLOT, 1_024)],
        _safe(sections[SAFE]) if SAFE in sections else [],
    )


def parse_patches(table: bytes) -> list[Patch]:
    return [_patch(row) for row in _rows(table, _PATCH, 1_024)]


def _rows(table: bytes, record: struct.Struct, most: int) -> list[Row]:
    require(len(table) % record.size == 0 and len(table) // record.size <= most, "E_PROG_FORMAT")
    return list(record.iter_unpack(table))


def _instruction(row: Row) -> Instruction:
    code, flags, n_in, n_out, reserved = row[:5]
    ins, outs, imm = row[5:13], row[13:17], row[17:]
    require(code in OPCODES, "E_PROG_OPCODE")
    opcode = OPCODES[code]
    require(flags == 0 and reserved == 0, "E_PROG_FORMAT")
    require(opcode.required <= n_in <= opcode.required + opcode.optional, "E_PROG_ARITY")
    require(all((ins[i] == NONE) == (i >= n_in) for i in range(8)), "E_PROG_ARITY")
    require(n_out == 1 and outs[0] != NONE and outs[1:] == (NONE,) * 3, "E_PROG_ARITY")
    unused = struct.pack(f"<{8 - opcode.immediates}f", *imm[opcode.immediates :])
    require(not any(unused), "E_PROG_ARITY")
    require(all(map(math.isfinite, imm)), "E_PROG_NUMERIC")
    return Instruction(opcode, ins[:n_in], outs[0], imm)


def _tensor(row: Row) -> Tensor:
    dtype, rank, storage, flags, *dims, offset, scale, reserved = row
    require(dtype in _BYTES and storage <= OUTPUT and 1 <= rank <= 4, "E_PROG_FORMAT")
    require(flags == 0 and not any(reserved), "E_PROG_FORMAT")
    _check_dims(tuple(dims), rank)
    return Tensor(dtype, rank, storage, tuple(dims), offset, scale)


def _check_dims(dims: tuple[int, ...], rank: int) -> None:
    require(min(dims) >= 1 and set(dims[rank:]) <= {1}, "E_PROG_DIMS")
    require(math.prod(dims) <= MAX_ELEMENTS, "E_PROG_DIMS")


def _io(row: Row) -> Io:
    name, direction, dtype, flags, zero, rank, *dims, tensor, gap, unit, low, high, rest = row
    require(_is_text(name) and name[0] != 0 and _is_text(unit), "E_PROG_FORMAT")
    require(direction <= 1 and dtype in _BYTES and 1 <= rank <= 4, "E_PROG_FORMAT")
    require(flags <= direction, "E_PROG_FORMAT")
    require(zero == 0 and gap == 0 and not any(rest), "E_PROG_FORMAT")
    require(math.isfinite(low) and math.isfinite(high) and low <= high, "E_PROG_NUMERIC")
    _check_dims(tuple(dims), rank)
    return Io(name, direction == 1, flags == 1, dtype, rank, tuple(dims), tensor)


def _is_text(text: bytes) -> bool:
    """Printable ASCII, then zeros, at least one."""
    stripped = text.rstrip(b"\0")
    return len(stripped) < len(text) and all(0x20 <= byte <= 0x7E for byte in stripped)


def _slot(row: Row) -> Slot:
    op_index, max_rank, cols, rows, reserved = row
    require(reserved == 0, "E_PROG_FORMAT")
    return Slot(op_index, max_rank, cols, rows)


def _safe(section: bytes) -> list[Safe]:
    require(len(section) >= 8, "E_PROG_FORMAT")
    count, reserved = struct.unpack_from("<II", section)
    require(reserved == 0 and 1 <= count <= 64, "E_PROG_FORMAT")
    records, at = [], 8
    for _ in range(count):
        require(at + 8 <= len(section), "E_PROG_FORMAT")
        io_index, gap, n = struct.unpack_from("<HHI", section, at)
        starts = [at + 8 + 4 * n * i for i in range(5)]
        require(gap == 0 and starts[4] <= len(section), "E_PROG_FORMAT")
        low, high, delta, safe = (section[a : a + 4 * n] for a in starts[:4])
        records.append(Safe(io_index, n, (low, high, delta, safe)))
        at = starts[4]
    require(at == len(section), "E_PROG_FORMAT")
    return records


def _patch(row: Row) -> Patch:
    slot, rank, scale, *offsets, bias, reserved = row
    require(reserved == 0, "E_PROG_FORMAT")
    require(math.isfinite(scale), "E_PROG_NUMERIC")
    a, a_scale, b, b_scale = offsets
    return Patch(slot, rank, scale, (a, a_scale, b, b_scale), bias)
