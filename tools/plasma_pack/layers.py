# SPDX-License-Identifier: Apache-2.0
"""The layers of a packet, by the names that the packet has for them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from plasma_pack.compiler.precision import layers_of
from plasma_pack.program.program import DType, FloatArray, Program, Storage, Tensor

_NAMES = {DType.I8: "int8", DType.F16: "f16", DType.F32: "f32"}


@dataclass(frozen=True, eq=False)
class PacketLayer:
    """weights: as float, whatever they are stored as; bias likewise."""

    name: str
    op: str
    instruction: int
    shape: tuple[int, ...]
    precision: str
    nbytes: int
    macs: int
    weights: FloatArray
    bias: FloatArray | None


def packet_layers(program: Program) -> list[PacketLayer]:
    """In order of execution, of a program that keeps the rules. Names come from the slots; a layer
    without one is called by its instruction.
    """
    names = slot_names(program)
    found = []
    for layer in layers_of(program):
        instruction = program.instructions[layer.instruction]
        weights = program.tensor(layer.weights)
        constants = [
            tensor
            for tensor in map(program.tensor, instruction.inputs)
            if tensor.storage is Storage.CONST
        ]
        scales = [program.tensor(t.scale) for t in constants if t.scale is not None]
        bias = constants[1] if layer.op != "gather" and len(constants) > 1 else None
        found.append(
            PacketLayer(
                names.get(layer.instruction, f"{layer.op}{layer.instruction}"),
                layer.op,
                layer.instruction,
                weights.dims,
                _NAMES[weights.dtype],
                sum(tensor.nbytes for tensor in (*constants, *scales)),
                _macs(layer.op, weights, program.tensor(instruction.output)),
                _floats(program, weights),
                None if bias is None else _floats(program, bias),
            )
        )
    return found


def slot_names(program: Program) -> dict[int, str]:
    """What the network's author called an instruction, where adapters may attach; a module that runs
    twice is told apart by its place.
    """
    names: dict[int, str] = {}
    for slot, name in zip(program.slots, program.slot_names, strict=False):
        is_taken = not name or name in names.values()
        names[slot.instruction] = f"{name}@{slot.instruction}" if is_taken else name
    return names


def _macs(op: str, weights: Tensor, y: Tensor) -> int:
    """As the certificate counts them: each element of y takes a row of the weights."""
    return 0 if op == "gather" else y.elements * math.prod(weights.dims[1:])


def _floats(program: Program, tensor: Tensor) -> FloatArray:
    values = np.asarray(tensor.values, np.float32)
    if tensor.scale is None:
        return values
    scales = np.asarray(program.tensor(tensor.scale).values, np.float32)
    return values * scales.reshape(-1, *[1] * (values.ndim - 1))
