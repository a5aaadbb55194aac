# SPDX-License-Identifier: Apache-2.0
"""How the weights of each layer are stored: a program with float weights in, the same with int8, f16
or f32 out.

int8 layers quantise what they read as well; f16 and f32 layers do not. The machine has float weights
for `linear` and `gather` alone; windows.py says what a convolution becomes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from plasma_pack.compiler.quantize import quantize
from plasma_pack.compiler.windows import Windows
from plasma_pack.errors import SourceError
from plasma_pack.program.program import (
    Array,
    DType,
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
    windows = Windows(program)
    for instruction in program.instructions:
        is_float = instruction.op == "conv2d" and precisions[instruction.inputs[1]] != "int8"
        (windows.spread if is_float else windows.keep)(instruction)
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
