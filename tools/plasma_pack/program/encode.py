# SPDX-License-Identifier: Apache-2.0
"""Records to section bytes: the tables of cpp/vm/ISA.md, section 1.

It writes what it is told, right or wrong. Whether a program may run is for the validator to decide.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

import numpy as np

from plasma_pack.packet.format import Section, align
from plasma_pack.program.layout import first_uses
from plasma_pack.program.program import (
    OPCODES,
    Array,
    DType,
    Instruction,
    Io,
    Patch,
    Program,
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


def encode(program: Program) -> dict[int, bytes]:
    """Raw sections of a base by type, empty ones left out. Every tensor must have its offset."""
    sections = {
        Section.PROG: b"".join(
            _instruction(program, instruction) for instruction in program.instructions
        ),
        Section.TENS: b"".join(_tensor(program, tensor) for tensor in program.tensors),
        **{CONST_SECTIONS[dtype]: _constants(program, dtype) for dtype in DType},
        Section.IO: b"".join(_io(program, io) for io in program.ios),
        Section.SLOTS: b"".join(
            SLOT.pack(slot.instruction, slot.max_rank, slot.inputs, slot.outputs, 0)
            for slot in program.slots
        ),
        Section.SAFE: _safes(program),
    }
    return {int(section): raw for section, raw in sections.items() if raw}


def encode_patches(patches: Sequence[Patch]) -> dict[int, bytes]:
    """Raw sections of an adapter: LORA and LORA_CONST."""
    constants = bytearray()
    table = b"".join(_patch(patch, constants) for patch in patches)
    sections = {int(Section.LORA): table, int(Section.LORA_CONST): bytes(constants)}
    return {section: raw for section, raw in sections.items() if raw}


def _instruction(program: Program, instruction: Instruction) -> bytes:
    inputs = [program.index(name) for name in instruction.inputs]
    return INSTRUCTION.pack(
        OPCODES[instruction.op].code,
        0,
        len(inputs),
        1,
        0,
        *(inputs + [NONE] * 8)[:8],
        program.index(instruction.output),
        *[NONE] * 3,
        struct.pack(f"<{len(instruction.immediates)}f", *instruction.immediates),
    )


def _tensor(program: Program, tensor: Tensor) -> bytes:
    scale = NONE if tensor.scale is None else program.index(tensor.scale)
    return TENSOR.pack(
        tensor.dtype,
        len(tensor.dims),
        tensor.storage,
        0,
        *_dims(tensor.dims),
        tensor.offset,
        scale,
        b"",
    )


def _constants(program: Program, dtype: DType) -> bytes:
    section = bytearray()
    for tensor in first_uses(program):
        if tensor.dtype is not dtype or tensor.values is None or tensor.offset is None:
            continue
        section.extend(bytes(max(0, tensor.offset - len(section))))
        section[tensor.offset : tensor.offset + tensor.nbytes] = _bytes(tensor.values, dtype)
    return bytes(section)


def _io(program: Program, io: Io) -> bytes:
    tensor = program.tensor(io.tensor)
    return IO.pack(
        io.name.encode("latin-1"),
        tensor.storage is Storage.OUTPUT,
        tensor.dtype,
        io.actuator,
        0,
        len(tensor.dims),
        *_dims(tensor.dims),
        program.index(io.tensor),
        0,
        io.unit.encode("latin-1"),
        io.low,
        io.high,
        b"",
    )


def _safes(program: Program) -> bytes:
    if not program.safes:
        return b""
    order = [io.tensor for io in program.ios]
    parts = [SAFE_HEAD.pack(len(program.safes), 0)]
    for safe in sorted(program.safes, key=lambda safe: order.index(safe.tensor)):
        dtype = program.tensor(safe.tensor).dtype
        parts.append(SAFE_RECORD.pack(order.index(safe.tensor), 0, len(safe.low)))
        parts += [_bytes(safe.low, dtype), _bytes(safe.high, dtype)]
        parts += [_bytes(safe.max_delta, DType.F32), _bytes(safe.safe, dtype)]
    return b"".join(parts)


def _patch(patch: Patch, constants: bytearray) -> bytes:
    def append(values: Array, dtype: DType) -> int:
        constants.extend(bytes(align(len(constants)) - len(constants)))
        begin = len(constants)
        constants.extend(_bytes(values, dtype))
        return begin

    return PATCH.pack(
        patch.slot,
        patch.a.values.shape[0],
        patch.scale,
        append(patch.a.values, DType.I8),
        append(patch.a.scales, DType.F32),
        append(patch.b.values, DType.I8),
        append(patch.b.scales, DType.F32),
        NO_BIAS if patch.bias is None else append(patch.bias, DType.F32),
        0,
    )


def _dims(dims: tuple[int, ...]) -> list[int]:
    return (list(dims) + [1] * 4)[:4]


def _bytes(values: Array, dtype: DType) -> bytes:
    return np.ascontiguousarray(values, dtype.numpy).tobytes()
