"""A machine for the commonest instructions: step 11 of FORMAT.md, tick by tick as section 5 of ISA.md has it.

`answers` gives None for a program with an instruction that is not here. So do values that leave the range of f32 in
the middle of a program: what notes them differs from instruction to instruction.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable

from tests.reference import numerics as num
from tests.reference.numerics import Vector, f32
from tests.reference.rules import floats
from tests.reference.tables import (
    CONST,
    F16,
    F32,
    I8,
    I32,
    INPUT,
    NO_BIAS,
    OUTPUT,
    STATE,
    Instruction,
    Patch,
    Program,
    Tensor,
)

Patches = tuple[list[Patch], bytes]
_UNARY: dict[str, Callable[[float, float], float]] = {
    "copy": lambda x, _: x,
    "relu": lambda x, _: num.greater(x, 0.0),
    "leaky_relu": lambda x, alpha: x if x > 0 else f32(alpha * x),
    "elu": lambda x, alpha: x if x > 0 else f32(alpha * f32(num.exp(x) - 1)),
    "silu": lambda x, _: f32(x * num.sigmoid(x)),
    "sigmoid": lambda x, _: num.sigmoid(x),
    "tanh": lambda x, _: num.tanh(x),
    "exp": lambda x, _: num.exp(x),
    "abs": lambda x, _: abs(x),
}
_BINARY: dict[str, Callable[[float, float], float]] = {
    "add": lambda a, b: f32(a + b),
    "sub": lambda a, b: f32(a - b),
    "mul": lambda a, b: f32(a * b),
    "min": num.lesser,
    "max": num.greater,
}
_TERNARY: dict[str, Callable[[float, float, float], float]] = {
    "normalize": lambda x, mean, scale: f32(f32(x - mean) * scale),
    "clamp": num.clamp,
    "squash": lambda x, scale, offset: f32(f32(num.tanh(x) * scale) + offset),
    "select": lambda c, a, b: a if c > 0 else b,
}
_KNOWN = {"linear", "concat", "argmax", *_UNARY, *_BINARY, *_TERNARY}


class Machine:
    """A validated program, and the adapter that is attached to it."""

    def __init__(self, program: Program, patches: Patches | None = None) -> None:
        self.program = program
        self.patches = patches
        self.constants = {
            i: _constant(program, tensor)
            for i, tensor in enumerate(program.tensors)
            if tensor.storage == CONST
        }
        self.state = {
            i: [0.0] * t.elements for i, t in enumerate(program.tensors) if t.storage == STATE
        }
        self.previous: dict[int, Vector] = {}

    def tick(self, inputs: bytes) -> bytes:
        """The outputs, as GOLD holds them. Raises OverflowError."""
        values: dict[int, Vector] = self.constants | self.state
        at = 0
        for i, tensor in enumerate(self.program.tensors):
            if tensor.storage == INPUT:
                values[i] = _finite(list(floats(inputs[at : at + tensor.bytes])))
                at += tensor.bytes
        written: dict[int, Vector] = {}
        for index, instruction in enumerate(self.program.instructions):
            y = _finite(self._run(index, instruction, values))
            is_state = self.program.tensors[instruction.out].storage == STATE
            (written if is_state else values)[instruction.out] = y
        self.state |= written
        return b"".join(
            self._limited(i, values[i])
            for i, tensor in enumerate(self.program.tensors)
            if tensor.storage == OUTPUT
        )

    def _limited(self, index: int, y: Vector) -> bytes:
        """4 and 5 of a tick."""
        is_f32 = self.program.tensors[index].dtype == F32
        for safe in self.program.safe:
            if self.program.io[safe.io_index].tensor != index:
                continue
            form = f"<{safe.n}{'f' if is_f32 else 'i'}"
            low, high = (struct.unpack(form, words) for words in safe.words[:2])
            y = [num.clamp(value, *limits) for value, *limits in zip(y, low, high, strict=True)]
            if is_f32 and index in self.previous:
                y = [
                    num.clamp(value, f32(last - most), f32(last + most)) if most > 0 else value
                    for value, last, most in zip(
                        y, self.previous[index], floats(safe.words[2]), strict=True
                    )
                ]
        self.previous[index] = y
        return b"".join(num.as_word(value, is_f32=is_f32) for value in y)

    def _run(self, index: int, instruction: Instruction, values: dict[int, Vector]) -> Vector:
        name, xs = instruction.name, [values[i] for i in instruction.ins]
        if name == "linear":
            return self._linear(index, instruction, values)
        if name == "concat":
            return [value for x in xs for value in x]
        if name == "argmax":
            return [float(xs[0].index(max(xs[0])))]
        if name in _UNARY:
            return [_UNARY[name](x, instruction.imm[0]) for x in xs[0]]
        if name in _BINARY:
            return [_BINARY[name](*pair) for pair in zip(*xs, strict=True)]
        return [_TERNARY[name](*three) for three in zip(*xs, strict=True)]

    def _linear(self, index: int, instruction: Instruction, values: dict[int, Vector]) -> Vector:
        weights = self.program.tensors[instruction.ins[1]]
        rows, cols = weights.shape
        w = _rows(values[instruction.ins[1]], cols)
        bias = values[instruction.ins[2]] if len(instruction.ins) > 2 else [0.0] * rows
        x, y = values[instruction.ins[0]], []
        for token in _rows(x, cols):
            if weights.dtype == I8:
                found = num.linear_i8(w, values[weights.scale], token)
            else:
                found = [num.dot(row, token) for row in w]
            found = [f32(a + b) for a, b in zip(found, bias, strict=True)]
            y += self._patched(index, token, found)
        return y

    def _patched(self, index: int, x: Vector, y: Vector) -> Vector:
        """9, with one adapter of gain 1."""
        patches, constants = self.patches or ([], b"")
        for patch in patches:
            slot = self.program.slots[patch.slot]
            if slot.op_index != index:
                continue
            a, a_scale, b, b_scale = patch.offsets
            down = _rows(_int8(constants[a : a + patch.rank * slot.cols]), slot.cols)
            up = _rows(_int8(constants[b : b + slot.rows * patch.rank]), patch.rank)
            t = num.linear_i8(down, floats(constants[a_scale : a_scale + 4 * patch.rank]), x)
            t = [f32(value + 0.0) for value in t]
            q, s = num.quantize(_finite(t))
            sums = [sum(w * value for w, value in zip(row, q, strict=True)) for row in up]
            scales = floats(constants[b_scale : b_scale + 4 * slot.rows])
            factor = f32(patch.scale * s)
            y = [
                f32(old + f32(f32(acc) * f32(factor * scale)))
                for old, acc, scale in zip(y, sums, scales, strict=True)
            ]
            if patch.bias != NO_BIAS:
                delta = floats(constants[patch.bias : patch.bias + 4 * slot.rows])
                y = [f32(old + value) for old, value in zip(y, delta, strict=True)]
        return y


def answers(program: Program, patches: Patches | None, inputs: list[bytes]) -> list[bytes] | None:
    """The outputs of consecutive ticks from reset; None when this machine cannot tell."""
    if not {instruction.name for instruction in program.instructions} <= _KNOWN:
        return None
    machine = Machine(program, patches)
    try:
        return [machine.tick(data) for data in inputs]
    except OverflowError:
        return None


def _finite(values: Vector) -> Vector:
    if not all(map(math.isfinite, values)):
        raise OverflowError
    return values


def _rows(values: list, cols: int) -> list[list]:
    return [values[i : i + cols] for i in range(0, len(values), cols)]


def _int8(data: bytes) -> list[int]:
    return list(struct.unpack(f"<{len(data)}b", data))


def _constant(program: Program, tensor: Tensor) -> list:
    form = {I8: "b", F16: "e", F32: "f", I32: "i"}[tensor.dtype]
    return list(struct.unpack(f"<{tensor.elements}{form}", program.constant(tensor)))
