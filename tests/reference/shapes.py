"""Rules 9, 11 and 12 of ISA.md: the operands that each instruction of its section 2 takes."""

from __future__ import annotations

import math

from tests.reference.container import require
from tests.reference.rules import MAX_DOT_TERMS
from tests.reference.tables import (
    CONST,
    F16,
    F32,
    I8,
    I32,
    MAX_ELEMENTS,
    NONE,
    Instruction,
    Program,
    Tensor,
)

_ALIKE_NAMES = (
    "add sub mul min max div select normalize clamp squash relu leaky_relu elu silu sigmoid tanh abs sqrt "
    "exp softplus erf round log sin cos softmax copy layer_norm rms_norm"
)
_ALIKE = set(_ALIKE_NAMES.split())
_LIKE_X = {"add": 1, "sub": 1, "mul": 1, "min": 1, "max": 1, "div": 1, "select": 2}
_CONSTANTS_LIKE_X = {"normalize", "clamp", "squash"}
_ROW_CONSTANTS = {"layer_norm", "rms_norm"}
_GATES = {"gru": 3, "lstm_cell": 4, "lstm_hidden": 4}
_POOLS = {"max_pool2d", "avg_pool2d"}


def check_shapes(program: Program) -> None:
    """Scales of all tensors, then instruction after instruction."""
    for tensor in program.tensors:
        _check_scale(program, tensor)
    for instruction in program.instructions:
        _check(program, instruction)


def _shape(holds: bool) -> None:
    require(holds, "E_PROG_SHAPE")


def _check_scale(program: Program, tensor: Tensor) -> None:
    _shape(tensor.storage == CONST or tensor.dtype in (F32, I32))
    if tensor.dtype != I8:
        _shape(tensor.scale == NONE)
        return
    _shape(tensor.scale < len(program.tensors))
    scale = program.tensors[tensor.scale]
    _shape(scale.storage == CONST and scale.is_f32(tensor.dims[0]))


def _check(program: Program, instruction: Instruction) -> None:
    name = instruction.name
    xs = [program.tensors[i] for i in instruction.ins]
    y = program.tensors[instruction.out]
    if name in _ALIKE:
        _alike(name, xs, y)
    elif name in _GATES:
        n = xs[2].dims[0]
        gates = (_GATES[name] * n,)
        _shape(xs[2].is_f32(n) and xs[0].is_f32(*gates) and xs[1].is_f32(*gates) and y.is_f32(n))
    elif name == "conv2d" or name in _POOLS:
        _window(instruction, xs, y)
    else:
        _BY_NAME[name](instruction, xs, y)


def _alike(name: str, xs: list[Tensor], y: Tensor) -> None:
    x = xs[0]
    others = xs[1:] if name in _CONSTANTS_LIKE_X or name in _LIKE_X else []
    _shape(all(t.is_f32(*x.shape) for t in (x, y, *others)))
    if name in _CONSTANTS_LIKE_X:
        _shape(all(t.storage == CONST for t in others))
    if name in _ROW_CONSTANTS:
        _shape(all(t.storage == CONST and t.is_f32(x.row) for t in xs[1:]))


def _linear(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    x, w = xs[:2]
    _shape(w.storage == CONST and w.rank == 2 and w.dtype in (I8, F16, F32))
    rows, cols = w.shape
    _shape(all(b.storage == CONST and b.is_f32(rows) for b in xs[2:]))
    _shape(x.dtype == F32)
    if y.rank == 1:
        _shape(x.elements == cols and y.is_f32(rows))
    else:
        _shape(x.row == cols and y.is_f32(*x.shape[:-1], rows))
    require(w.dtype != I8 or cols <= MAX_DOT_TERMS, "E_PROG_ACCUMULATOR")


def _concat(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(all(t.dtype == F32 for t in (*xs, y)))
    _shape(sum(x.elements for x in xs) == y.elements)


def _argmax(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(xs[0].dtype == F32 and xs[0].rank == 1)
    _shape(y.dtype == I32 and y.shape == (1,))


def _top_k(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(xs[0].dtype == F32 and xs[0].rank == 1)
    _shape(y.dtype == I32 and y.rank == 1 and y.elements <= xs[0].elements)


def _gather(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    table, index = xs
    _shape(table.dtype != I32 and table.rank <= 2)
    _shape(index.dtype in (F32, I32) and index.rank == 1)
    _shape(y.is_f32(index.elements, *table.shape[1:]))


def _reduce(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(xs[0].dtype == F32 and y.dtype == F32 and y.elements * xs[0].row == xs[0].elements)


def _random(_: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(y.dtype == F32)


def _strided(instruction: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(xs[0].dtype == F32 and y.dtype == F32)
    for number in instruction.imm[:5]:
        is_zero_negative = number == 0 and math.copysign(1, number) < 0
        is_whole = number.is_integer() and abs(number) <= 2**24 and not is_zero_negative
        require(is_whole, "E_PROG_NUMERIC")
    begin, *strides = map(int, instruction.imm[:5])
    steps = [
        stride * (size - 1) for stride, size in zip(strides[4 - y.rank :], y.shape, strict=True)
    ]
    _shape(begin + sum(s for s in steps if s < 0) >= 0)
    _shape(begin + sum(s for s in steps if s > 0) < xs[0].elements)


def _attention(instruction: Instruction, xs: list[Tensor], y: Tensor) -> None:
    _shape(y.dtype == F32)
    heads, _, *columns = instruction.imm[:5]
    _check_whole(heads, 1, MAX_ELEMENTS)
    _shape(y.row % int(heads) == 0)
    for x, column in zip(xs, columns, strict=False):
        _shape(x.dtype == F32)
        _check_whole(column, 0, MAX_ELEMENTS)
        _shape(int(column) + y.row <= x.row)
    q, k, v = xs[:3]
    _shape(y.shape[:-1] == q.shape[:-1])
    _shape(v.rows == k.rows)
    require(q.rows * k.rows <= MAX_ELEMENTS, "E_PROG_DIMS")
    for mask in xs[3:]:
        _shape(mask.dtype == F32 and mask.row == k.rows and mask.rows in (1, q.rows))


def _check_whole(number: float, least: int, most: int) -> None:
    is_whole = number.is_integer() and least <= number <= most
    require(is_whole and math.copysign(1, number) > 0, "E_PROG_NUMERIC")


def _window(instruction: Instruction, xs: list[Tensor], y: Tensor) -> None:
    x, is_pool = xs[0], instruction.name in _POOLS
    _shape(x.dtype == F32 and x.rank == 3 and y.dtype == F32 and y.rank == 3)
    for i, number in enumerate(instruction.imm):
        is_pad = i >= 4 if is_pool else 2 <= i < 6
        _check_whole(number, 0 if is_pad else 1, 4_096)
    channels = x.dims[2]
    if not is_pool:
        _kernels(xs)
        channels = xs[1].dims[0]
    _shape(y.dims[2] == channels)
    padded = 1
    for axis, (kernel, stride, before, after, dilation) in enumerate(axes(instruction, xs)):
        extent, size = dilation * (kernel - 1) + 1, before + x.dims[axis] + after
        _shape(extent <= size and y.dims[axis] == (size - extent) // stride + 1)
        _shape(not is_pool or max(before, after) < kernel)
        padded *= size
    require(padded * x.dims[2] <= MAX_ELEMENTS, "E_PROG_DIMS")


def _kernels(xs: list[Tensor]) -> None:
    x, w = xs[:2]
    _shape(w.storage == CONST and w.dtype == I8 and w.rank == 4)
    out, height, width, depth = w.dims
    _shape(x.dims[2] % depth == 0 and out % (x.dims[2] // depth) == 0)
    require(height * width * depth <= MAX_DOT_TERMS, "E_PROG_ACCUMULATOR")
    _shape(all(b.storage == CONST and b.is_f32(out) for b in xs[2:]))


def axes(instruction: Instruction, xs: list[Tensor]) -> list[tuple[int, int, int, int, int]]:
    """(kernel, stride, pad before, pad after, dilation) along height and width."""
    imm = [int(number) for number in instruction.imm]
    if instruction.name in _POOLS:
        (kh, kw, sy, sx, top, left, bottom, right), (dy, dx) = imm, (1, 1)
    else:
        (sy, sx, top, left, bottom, right, dy, dx), (kh, kw) = imm, xs[1].dims[1:3]
    return [(kh, sy, top, bottom, dy), (kw, sx, left, right, dx)]


_BY_NAME = {
    "linear": _linear,
    "concat": _concat,
    "argmax": _argmax,
    "top_k": _top_k,
    "gather": _gather,
    "reduce_sum": _reduce,
    "reduce_mean": _reduce,
    "reduce_max": _reduce,
    "uniform": _random,
    "normal": _random,
    "strided": _strided,
    "attention": _attention,
}
