"""Section 4 of ISA.md: what a tick needs, computed from the program alone."""

from __future__ import annotations

import math

from tests.reference.container import up64
from tests.reference.sections import CONST_F16, CONST_F32, CONST_I8, CONST_I32
from tests.reference.shapes import axes
from tests.reference.tables import (
    ARENA,
    I8,
    INPUT,
    NO_BIAS,
    OUTPUT,
    STATE,
    Instruction,
    Patch,
    Program,
    Tensor,
)

Certificate = dict[str, int]


def certify(program: Program) -> Certificate:
    """Of a base."""

    def total(storage: int) -> int:
        return sum(tensor.bytes for tensor in program.tensors if tensor.storage == storage)

    arena = max((t.end for t in program.tensors if t.storage == ARENA), default=0)
    constants = (CONST_I8, CONST_F16, CONST_F32, CONST_I32)
    return {
        "arena_bytes": up64(total(INPUT))
        + 2 * up64(total(OUTPUT))
        + up64(arena)
        + _scratch(program),
        "state_bytes": total(STATE),
        "const_bytes": sum(len(program.sections.get(section, b"")) for section in constants),
        "macs": sum(_macs(program, instruction) for instruction in program.instructions),
        "cost_units": sum(_cost(program, instruction) for instruction in program.instructions),
    }


def certify_adapter(base: Program, patches: list[Patch], constants: bytes) -> Certificate:
    """Of what an adapter adds."""
    macs = cost = 0
    for patch in patches:
        slot = base.slots[patch.slot]
        linear = base.instructions[slot.op_index]
        tokens = base.tensors[linear.out].rows
        rank, cols, rows = patch.rank, slot.cols, slot.rows
        macs += tokens * rank * (cols + rows)
        work = rank * cols + 13 * rank + rows * rank + 8 * (rank + rows)
        work += 13 * cols if base.tensors[linear.ins[1]].dtype != I8 else 0
        work += 4 * rows if patch.bias != NO_BIAS else 0
        cost += 500 + tokens * work
    facts = {"arena_bytes": 0, "state_bytes": 0, "const_bytes": len(constants)}
    return facts | {"macs": macs, "cost_units": cost}


def _up(size: int, unit: int) -> int:
    return -(-size // unit) * unit


def _operands(program: Program, instruction: Instruction) -> tuple[list[Tensor], Tensor]:
    return [program.tensors[i] for i in instruction.ins], program.tensors[instruction.out]


def _scratch(program: Program) -> int:
    """The largest of each kind."""
    quantized, images, hidden, hidden_quantized, scores = [0], [0], [0], [0], [0]
    for instruction in program.instructions:
        xs, y = _operands(program, instruction)
        if instruction.name == "linear" and xs[1].dtype == I8:
            quantized.append(min(y.rows, 16) * up64(xs[1].dims[1]))
        if instruction.name == "conv2d":
            images.append(_image_bytes(instruction, xs))
        if instruction.name == "attention":
            scores.append(4 * int(instruction.imm[0]) * xs[1].rows)
    for slot in program.slots:
        tokens = min(program.tensors[program.instructions[slot.op_index].out].rows, 16)
        quantized.append(tokens * up64(slot.cols))
        hidden.append(4 * tokens * slot.max_rank)
        hidden_quantized.append(tokens * up64(slot.max_rank))
    return sum(up64(max(kind)) for kind in (quantized, images, hidden, hidden_quantized, scores))


def _image_bytes(instruction: Instruction, xs: list[Tensor]) -> int:
    (_, _, top, bottom, _), (_, _, left, right, _) = axes(instruction, xs)
    height, width, channels = xs[0].shape
    return (top + height + bottom) * (left + width + right) * channels + 64


def _macs(program: Program, instruction: Instruction) -> int:
    xs, y = _operands(program, instruction)
    if instruction.name == "linear":
        return y.rows * xs[1].elements
    if instruction.name == "conv2d":
        return y.elements * math.prod(xs[1].dims[1:])
    if instruction.name == "attention":
        return 2 * xs[0].rows * xs[1].rows * y.row
    return 0


def _cost(program: Program, instruction: Instruction) -> int:
    xs, y = _operands(program, instruction)
    name, n = instruction.name, y.elements
    if name == "linear":
        rows, cols = xs[1].shape
        each = 13 * cols + rows * cols if xs[1].dtype == I8 else 4 * rows * _up(cols, 16)
        return 500 + y.rows * (each + 8 * rows)
    if name == "attention":
        pairs = xs[0].rows * xs[1].rows
        return 500 + 8 * pairs * y.row + 64 * int(instruction.imm[0]) * pairs
    if name == "conv2d":
        out, kh, kw, depth = xs[1].dims
        groups = xs[0].dims[2] // depth
        blocks = groups * _up(out // groups, 16) * kh * kw * _up(depth, 4)
        image = _image_bytes(instruction, xs)
        return 500 + 13 * xs[0].elements + image + y.dims[0] * y.dims[1] * blocks + 8 * n
    if name in ("max_pool2d", "avg_pool2d"):
        taps = int(instruction.imm[0]) * int(instruction.imm[1])
        return 500 + 6 * (taps * n + xs[0].elements)
    if name == "argmax":
        n = xs[0].elements
    if name == "top_k":
        n = xs[0].elements * (n + 1)
    if name == "gather":
        n += 2 * xs[1].elements
    if name.startswith("reduce_"):
        n *= _up(xs[0].elements // n, 16) + 16
    return 500 + instruction.opcode.cost * n
