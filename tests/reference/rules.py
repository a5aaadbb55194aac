"""Rules 4 to 8, 10, 11 and 13 to 15 of ISA.md: where tensors lie, who writes and reads them, what they hold."""

from __future__ import annotations

import math
import struct

from tests.reference.container import require
from tests.reference.sections import CONST_F16, CONST_F32, CONST_I8, CONST_I32
from tests.reference.tables import (
    ARENA,
    CONST,
    F16,
    F32,
    I8,
    I32,
    INPUT,
    NONE,
    OUTPUT,
    STATE,
    Instruction,
    Io,
    Program,
    Tensor,
)

MAX_DOT_TERMS = 66_572
_LEAST_EPS = struct.unpack("<f", struct.pack("<f", 1e-12))[0]


def check_operands(program: Program) -> None:
    """2: operands name tensors."""
    for instruction in program.instructions:
        for index in (*instruction.ins, instruction.out):
            require(index < len(program.tensors), "E_PROG_ARITY")


def check_regions(program: Program) -> None:
    """4 and 5."""
    packed = {INPUT: 0, OUTPUT: 0, STATE: 0}
    for tensor in program.tensors:
        require(tensor.offset % (64 if tensor.storage == CONST else 4) == 0, "E_PROG_BOUNDS")
        if tensor.storage == CONST:
            require(tensor.end <= len(program.section_of(tensor)), "E_PROG_BOUNDS")
            continue
        require(tensor.end < 1 << 32, "E_PROG_BOUNDS")
        if tensor.storage != ARENA:
            require(tensor.offset == packed[tensor.storage], "E_PROG_BOUNDS")
            packed[tensor.storage] = tensor.end


def check_io(program: Program) -> None:
    """13."""
    for io in program.io:
        require(io.tensor < len(program.tensors), "E_PROG_IO")
        tensor = program.tensors[io.tensor]
        described = (OUTPUT if io.is_output else INPUT, io.dtype, io.rank, io.dims)
        found = (tensor.storage, tensor.dtype, tensor.rank, tensor.dims)
        require(found == described, "E_PROG_IO")
        require(io.dtype == F32 or (io.is_output and io.dtype == I32), "E_PROG_IO")
    require(len({io.name for io in program.io}) == len(program.io), "E_PROG_IO")
    named = [(io.is_output, io.tensor) for io in program.io]
    sides = [(storage == OUTPUT, i) for storage in (INPUT, OUTPUT) for i in _of(program, storage)]
    require(named == sides and {side for side, _ in sides} == {False, True}, "E_PROG_IO")


def _of(program: Program, storage: int) -> list[int]:
    return [i for i, tensor in enumerate(program.tensors) if tensor.storage == storage]


def check_safe(program: Program) -> None:
    """14."""
    actuators = [i for i, io in enumerate(program.io) if io.is_actuator]
    require([safe.io_index for safe in program.safe] == actuators, "E_PROG_SAFE")
    for safe in program.safe:
        io = program.io[safe.io_index]
        require(safe.n == program.tensors[io.tensor].elements, "E_PROG_SAFE")
        low, high, delta, action = (_words(io, words) for words in safe.words)
        for i in range(safe.n):
            require(math.isfinite(low[i]) and math.isfinite(high[i]), "E_PROG_SAFE")
            require(low[i] <= action[i] <= high[i], "E_PROG_SAFE")
            require(delta[i] >= 0 and math.isfinite(delta[i]), "E_PROG_SAFE")
            require(io.dtype == F32 or delta[i] == 0, "E_PROG_SAFE")


def _words(io: Io, words: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(words) // 4}{'f' if io.dtype == F32 else 'i'}", words)


def check_dataflow(program: Program) -> None:
    """7, then 8."""
    written: set[int] = set()
    read: set[int] = set()
    for instruction in program.instructions:
        for index in instruction.ins:
            storage = program.tensors[index].storage
            require(storage != OUTPUT, "E_PROG_SSA")
            require(storage != ARENA or index in written, "E_PROG_SSA")
            require(storage != STATE or index not in written, "E_PROG_SSA")
            read.add(index)
        require(program.tensors[instruction.out].storage not in (CONST, INPUT), "E_PROG_SSA")
        require(instruction.out not in written, "E_PROG_SSA")
        written.add(instruction.out)
    for index, tensor in enumerate(program.tensors):
        require(tensor.storage not in (ARENA, INPUT, STATE) or index in read, "E_PROG_DEAD")
        require(tensor.storage not in (ARENA, OUTPUT, STATE) or index in written, "E_PROG_DEAD")


def check_constants(program: Program) -> None:
    """6, then 11."""
    ends = dict.fromkeys((I8, F16, F32, I32), 0)
    used: list[int] = []
    for instruction in program.instructions:
        for index in instruction.ins:
            # Its scales right after it; those have none themselves.
            for place in (index, program.tensors[index].scale):
                if place == NONE or place in used or program.tensors[place].storage != CONST:
                    continue
                used.append(place)
                _place(program, program.tensors[place], ends)
    constants = _of(program, CONST)
    require(sorted(used) == constants, "E_PROG_CONST_ORDER")
    for dtype, section in zip(ends, (CONST_I8, CONST_F16, CONST_F32, CONST_I32), strict=True):
        size = len(program.sections.get(section, b""))
        require(ends[dtype] == size, "E_PROG_CONST_ORDER")
    for index in constants:
        _check_values(program, program.tensors[index])
    for instruction in program.instructions:
        _check_numbers(program, instruction)


def _place(program: Program, tensor: Tensor, ends: dict[int, int]) -> None:
    end = ends[tensor.dtype]
    require(tensor.offset >= end, "E_PROG_CONST_ORDER")
    gap = program.section_of(tensor)[end : tensor.offset]
    require(len(gap) < 64 and not any(gap), "E_HOLE")
    ends[tensor.dtype] = tensor.end


def _check_values(program: Program, tensor: Tensor) -> None:
    data = program.constant(tensor)
    if tensor.dtype == F32:
        check_finite(data)
    elif tensor.dtype == F16:
        halves = struct.unpack(f"<{len(data) // 2}e", data)
        require(all(map(math.isfinite, halves)), "E_PROG_NUMERIC")
    elif tensor.dtype == I8:
        check_weights(data, program.constant(program.tensors[tensor.scale]))


def check_finite(data: bytes) -> None:
    """11: f32."""
    require(all(map(math.isfinite, floats(data))), "E_PROG_NUMERIC")


def check_weights(weights: bytes, scales: bytes) -> None:
    """11: i8 weights and the f32 scales of their rows."""
    require(0x80 not in weights, "E_PROG_NUMERIC")
    require(all(2.0**-40 <= scale <= 2.0**40 for scale in floats(scales)), "E_PROG_NUMERIC")


def floats(data: bytes) -> tuple[float, ...]:
    return struct.unpack(f"<{len(data) // 4}f", data)


def _check_numbers(program: Program, instruction: Instruction) -> None:
    if instruction.name in ("layer_norm", "rms_norm"):
        require(instruction.imm[0] >= _LEAST_EPS, "E_PROG_NUMERIC")
    if instruction.name == "clamp":
        low, high = (floats(program.constant(program.tensors[i])) for i in instruction.ins[1:])
        require(all(a <= b for a, b in zip(low, high, strict=True)), "E_PROG_NUMERIC")


def check_arena(program: Program) -> None:
    """10."""
    last_read = {i: at for at, step in enumerate(program.instructions) for i in step.ins}
    living: set[int] = set()
    for at, instruction in enumerate(program.instructions):
        y = program.tensors[instruction.out]
        dying = {i for i in instruction.ins if last_read[i] == at} & living
        replaced = {i for i in dying if _may_write_over(instruction, program.tensors[i], y)}
        living -= replaced
        if y.storage == ARENA:
            for tensor in (program.tensors[i] for i in living):
                require(y.end <= tensor.offset or tensor.end <= y.offset, "E_PROG_ARENA")
            living.add(instruction.out)
        living -= dying


def _may_write_over(instruction: Instruction, x: Tensor, y: Tensor) -> bool:
    lies_over = y.storage == ARENA and (x.offset, x.bytes) == (y.offset, y.bytes)
    return instruction.opcode.is_in_place and lies_over


def check_slots(program: Program) -> None:
    """15."""
    previous = -1
    for slot in program.slots:
        require(previous < slot.op_index < len(program.instructions), "E_PROG_SLOT")
        previous = slot.op_index
        instruction = program.instructions[slot.op_index]
        require(instruction.name == "linear", "E_PROG_SLOT")
        weights = program.tensors[instruction.ins[1]]
        require((slot.rows, slot.cols) == weights.shape, "E_PROG_SLOT")
        require(1 <= slot.max_rank <= 1_024, "E_PROG_SLOT")
        require(slot.cols <= MAX_DOT_TERMS, "E_PROG_ACCUMULATOR")
