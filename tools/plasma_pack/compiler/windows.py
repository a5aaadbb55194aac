# SPDX-License-Identifier: Apache-2.0
"""A convolution in float: its windows, pixel by pixel, and one `linear` over them.

Slower and larger than `conv2d`, which has int8 weights only, but what it computes is what that
approximates: so the error of a convolution can be measured, and where it matters avoided.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from plasma_pack.program.program import (
    Array,
    DType,
    FloatArray,
    Instruction,
    Program,
    Storage,
    Tensor,
)


class Windows:
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
        self.moved: list[int] = []  # where each instruction of the source is now

    def keep(self, instruction: Instruction) -> None:
        self.moved.append(len(self.instructions))
        self.instructions.append(instruction)

    def spread(self, conv: Instruction) -> None:
        self.keep(self._linear(conv))

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
        black = self._constant(f"{conv.output}%o", np.zeros(dims[2]))
        index = self._constant(f"{conv.output}%i", pixels.reshape(-1))
        rows = self._emit(
            "concat", f"{conv.output}%r", (dims[0] * dims[1] + 1, dims[2]), image, black
        )
        seen = self._emit("gather", f"{conv.output}%g", (pixels.size, dims[2]), rows, index)
        width = pixels[0, 0].size * dims[2]
        windows = self._emit("concat", f"{conv.output}%w", (*out[:2], width), seen)
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
