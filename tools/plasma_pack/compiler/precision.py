# SPDX-License-Identifier: Apache-2.0
"""How the weights of each layer are stored: a program with float weights in, the same with int8, f16
or f32 out.

int8 layers quantise what they read as well; f16 and f32 layers do not. The machine has float weights
for `linear` and `gather` alone, so a convolution in float becomes its windows, pixel by pixel, and
one `linear` over them: slower and larger, but what it computes is what the int8 one approximates.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from plasma_pack.compiler.quantize import quantize
from plasma_pack.errors import SourceError
from plasma_pack.program.program import (
    Array,
    DType,
    FloatArray,
    Instruction,
    Program,
    Storage,
    Tensor,
)

PRECISIONS = ("int8", "f16", "f32")
F16_OVERFLOW = 65_520  # rounds to infinity


@dataclass(frozen=True)
class Layer:
    """Weights and the instruction that reads them (the first one that does)."""

    name: str
    weights: str
    instruction: int
    op: str


def layers_of(program: Program) -> tuple[Layer, ...]:
    """The layers of a program with float weights, in order of execution."""
    layers: dict[str, Layer] = {}
    for index, instruction in enumerate(program.instructions):
        weights = _weights_of(program, instruction)
        if weights is not None:
            name = instruction.label or f"{instruction.op}{index}"
            layers.setdefault(weights, Layer(name, weights, index, instruction.op))
    return tuple(layers.values())


def with_precisions(program: Program, precisions: Mapping[str, str]) -> Program:
    """precisions: 'int8', 'f16' or 'f32' for the weights of every layer, by tensor."""
    layers = {layer.weights: layer for layer in layers_of(program)}
    windows = _Windows(program)
    for index, instruction in enumerate(program.instructions):
        is_float = instruction.op == "conv2d" and precisions[instruction.inputs[1]] != "int8"
        windows.add(index, instruction, is_float)
    made = windows.program()
    tensors: list[Tensor] = []
    for tensor in made.tensors:
        layer = layers.get(tensor.name)
        tensors += _stored(tensor, layer, precisions[tensor.name]) if layer else [tensor]
    return replace(made, tensors=tuple(tensors))


def _weights_of(program: Program, instruction: Instruction) -> str | None:
    if instruction.op in ("linear", "conv2d"):
        return instruction.inputs[1]
    if instruction.op == "gather":
        table = program.tensor(instruction.inputs[0])
        is_matrix = table.storage is Storage.CONST and len(table.dims) == 2
        if is_matrix and _is_only_gathered(program, table.name):
            return table.name
    return None


def _is_only_gathered(program: Program, name: str) -> bool:
    readers = [i for i in program.instructions if name in i.inputs]
    return all(i.op == "gather" and i.inputs[0] == name for i in readers)


def _stored(tensor: Tensor, layer: Layer, precision: str) -> list[Tensor]:
    values = tensor.values
    assert values is not None
    if precision == "int8":
        matrix = quantize(values.reshape(len(values), -1), f"weights of {layer.name}")
        scale = f"{tensor.name}s"
        quantized = matrix.values.reshape(values.shape)
        return [
            Tensor(scale, DType.F32, matrix.scales.shape, Storage.CONST, matrix.scales),
            replace(tensor, dtype=DType.I8, values=quantized, scale=scale),
        ]
    if precision == "f16":
        if not fits_f16(values):
            raise SourceError(
                f"weights of {layer.name} holds {np.abs(values).max():.3g}, too large for f16"
            )
        return [replace(tensor, dtype=DType.F16, values=values.astype(DType.F16.numpy))]
    return [tensor]


def fits_f16(values: Array) -> bool:
    return bool((np.abs(values) < F16_OVERFLOW).all())


class _Windows:
    """The instructions, and in place of a float convolution the pixels that it sees.

    concat  the image as rows of pixels, and a black one for what lies outside
    gather  the pixels under each window
    concat  those of a window side by side
    linear  the kernels over them
    """

    def __init__(self, program: Program) -> None:
        self.source = program
        self.tensors = {tensor.name: tensor for tensor in program.tensors}
        self.instructions: list[Instruction] = []
        self.moved: dict[int, int] = {}  # index of an instruction before → now

    def add(self, index: int, instruction: Instruction, is_float_convolution: bool) -> None:
        if is_float_convolution:
            instruction = self._linear(instruction)
        self.moved[index] = len(self.instructions)
        self.instructions.append(instruction)

    def program(self) -> Program:
        slots = tuple(
            replace(slot, instruction=self.moved[slot.instruction]) for slot in self.source.slots
        )
        return replace(
            self.source,
            tensors=tuple(self.tensors.values()),
            instructions=tuple(self.instructions),
            slots=slots,
        )

    def _linear(self, conv: Instruction) -> Instruction:
        image, weights, *bias = conv.inputs
        out = self.source.tensor(conv.output).dims
        dims = self.source.tensor(image).dims
        kernels = self.source.tensor(weights).values
        assert kernels is not None
        pixels = _pixels_under(conv.immediates, dims, out, kernels.shape[1:3])
        black = self._constant(f"{conv.output}o", np.zeros(dims[2]))
        index = self._constant(f"{conv.output}i", pixels.reshape(-1))
        rows = self._emit(
            "concat", f"{conv.output}r", (dims[0] * dims[1] + 1, dims[2]), image, black
        )
        seen = self._emit("gather", f"{conv.output}g", (pixels.size, dims[2]), rows, index)
        width = pixels[0, 0].size * dims[2]
        windows = self._emit("concat", f"{conv.output}w", (*out[:2], width), seen)
        dense = _over_all_channels(kernels, dims[2])
        self.tensors[weights] = replace(
            self.tensors[weights], dims=(len(dense), width), values=dense
        )
        return Instruction("linear", conv.output, (windows, weights, *bias), (), conv.label)

    def _emit(self, op: str, name: str, dims: tuple[int, ...], *inputs: str) -> str:
        self.tensors[name] = Tensor(name, DType.F32, dims, Storage.ARENA)
        self.instructions.append(Instruction(op, name, inputs))
        return name

    def _constant(self, name: str, values: Array) -> str:
        values = values.astype(np.float32)
        self.tensors[name] = Tensor(name, DType.F32, values.shape, Storage.CONST, values)
        return name


def _pixels_under(
    immediates: tuple[float, ...],
    image: tuple[int, ...],
    out: tuple[int, ...],
    kernel: tuple[int, ...],
) -> Array:
    """[out height, out width, kernel height, kernel width]: the number of each pixel, row by row;
    that behind the last one where a window leaves the image.
    """
    sy, sx, top, left, _, _, dy, dx = (int(number) for number in immediates)
    y = np.arange(out[0])[:, None] * sy - top + np.arange(kernel[0]) * dy
    x = np.arange(out[1])[:, None] * sx - left + np.arange(kernel[1]) * dx
    y, x = y[:, None, :, None], x[None, :, None, :]
    is_inside = (y >= 0) & (y < image[0]) & (x >= 0) & (x < image[1])
    return np.where(is_inside, y * image[1] + x, image[0] * image[1])


def _over_all_channels(kernels: FloatArray, channels: int) -> FloatArray:
    """[out, height, width, channels / groups] → [out, height · width · channels], zero for the
    channels of other groups.
    """
    out, height, width, depth = kernels.shape
    groups = channels // depth
    dense = np.zeros((groups, out // groups, height, width, groups, depth), np.float32)
    for group in range(groups):
        dense[group, :, :, :, group] = kernels.reshape(groups, -1, height, width, depth)[group]
    return dense.reshape(out, -1)
