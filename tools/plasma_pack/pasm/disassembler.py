# SPDX-License-Identifier: Apache-2.0
"""Sections to text (`.pasm`) that assembles to the same bytes.

Offsets are written only where layout would choose others. Names of tensors are not in a packet:
those of inputs and outputs come from their io, the rest count up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from plasma_pack.pasm.text import format_number, format_numbers, is_name, quote
from plasma_pack.program.decode import decode, decode_patches
from plasma_pack.program.layout import lay_out
from plasma_pack.program.program import (
    Array,
    DType,
    Io,
    Matrix,
    Program,
    Safe,
    Storage,
    Tensor,
)


def disassemble(sections: Mapping[int, bytes], slot_names: Sequence[str] = ()) -> str:
    """Text of a base. `slot_names` (from the manifest) become labels. Raises PacketError on
    malformed tables.
    """
    program = decode(sections, slot_names)
    program = _without_needless_offsets(program)
    labels = slot_labels(program)
    lines = [_declaration(program, tensor) for tensor in program.tensors]
    lines += [""] + list(_instructions(program, labels))
    lines += [f"slot {labels[slot.instruction]} max_rank {slot.max_rank}" for slot in program.slots]
    return "\n".join(lines) + "\n"


def disassemble_adapter(
    sections: Mapping[int, bytes], base: Mapping[int, bytes], slot_names: Sequence[str] = ()
) -> str:
    """Text of an adapter. Appended to the text of its base, it assembles to the same adapter."""
    program = decode(base, slot_names)
    labels = slot_labels(program)
    lines: list[str] = []
    patches: list[str] = []
    for index, patch in enumerate(decode_patches(sections, program.slots)):
        lines += _matrix(f"A{index}", patch.a) + _matrix(f"B{index}", patch.b)
        parts = [f"A{index}", f"B{index}"]
        if patch.bias is not None:
            lines.append(_lora(f"d{index}", DType.F32, patch.bias))
            parts.append(f"d{index}")
        label = labels[program.slots[patch.slot].instruction]
        scale = format_number(np.float32(patch.scale), DType.F32)
        patches.append(f"patch {label}, {', '.join(parts)} scale {scale}")
    return "\n".join(lines + patches) + "\n"


def slot_labels(program: Program) -> dict[int, str]:
    """A distinct label for each instruction that a slot names: its slot name where that can be a
    label.
    """
    labels: dict[int, str] = {}
    for index, slot in enumerate(program.slots):
        wanted = program.slot_names[index] if index < len(program.slot_names) else ""
        is_free = is_name(wanted) and wanted not in labels.values()
        labels[slot.instruction] = wanted if is_free else f"linear{slot.instruction}"
    return labels


def _without_needless_offsets(program: Program) -> Program:
    """Offsets are kept for no tensor, or for the arena's, or for all: the least that layout needs."""
    offsets = [tensor.offset for tensor in program.tensors]
    for kept in ((), (Storage.ARENA,)):
        bare = replace(program, tensors=tuple(_bare(tensor, kept) for tensor in program.tensors))
        if [tensor.offset for tensor in lay_out(bare).tensors] == offsets:
            return bare
    return program


def _bare(tensor: Tensor, kept: tuple[Storage, ...]) -> Tensor:
    return tensor if tensor.storage in kept else replace(tensor, offset=None)


def _declaration(program: Program, tensor: Tensor) -> str:
    words = [tensor.storage.name.lower(), tensor.name, _type_of(tensor.dtype, tensor.dims)]
    for io in program.ios:
        if io.tensor == tensor.name:
            words += _io_words(io)
    for safe in program.safes:
        if safe.tensor == tensor.name:
            words += _safe_words(safe, tensor.dtype)
    if tensor.scale is not None:
        words += ["scale", tensor.scale]
    if tensor.offset is not None:
        words.append(f"@ {tensor.offset}")
    if tensor.storage is Storage.CONST and tensor.values is not None:
        words.append(f"= {_values(tensor.values, tensor.dtype)}")
    return " ".join(words)


def _io_words(io: Io) -> Iterator[str]:
    if io.name != io.tensor:
        yield f"name {quote(io.name)}"
    if io.unit:
        yield f"unit {quote(io.unit)}"
    limits = np.array([io.low, io.high], np.float32)
    if limits.view(np.uint32).any():
        yield f"range {format_numbers(limits, DType.F32)}"
    if io.actuator:
        yield "actuator"


def _safe_words(safe: Safe, dtype: DType) -> Iterator[str]:
    for word, values in (("low", safe.low), ("high", safe.high), ("safe", safe.safe)):
        yield f"{word} {_values(values, dtype)}"
    if safe.max_delta.view(np.uint32).any():
        yield f"max_delta {_values(safe.max_delta, DType.F32)}"


def _instructions(program: Program, labels: Mapping[int, str]) -> Iterator[str]:
    for index, instruction in enumerate(program.instructions):
        label = f"{labels[index]}: " if index in labels else ""
        immediates = [
            format_number(np.float32(value), DType.F32) for value in instruction.immediates
        ]
        operands = ", ".join([instruction.output, *instruction.inputs, *immediates])
        yield f"{label}{instruction.op} {operands}"


def _matrix(name: str, matrix: Matrix) -> list[str]:
    return [
        _lora(name, DType.I8, matrix.values, f" scale {name}s"),
        _lora(f"{name}s", DType.F32, matrix.scales),
    ]


def _lora(name: str, dtype: DType, values: Array, scale: str = "") -> str:
    return f"lora {name} {_type_of(dtype, values.shape)}{scale} = {_values(values, dtype)}"


def _values(values: Array, dtype: DType) -> str:
    """All numbers, or the single one that they all are."""
    raw = np.ascontiguousarray(values, dtype.numpy).reshape(-1)
    words = raw.view(np.dtype(f"<u{dtype.numpy.itemsize}"))
    return format_numbers(raw[:1] if len(raw) and (words == words[0]).all() else raw, dtype)


def _type_of(dtype: DType, dims: tuple[int, ...]) -> str:
    return f"{dtype.text}[{','.join(map(str, dims))}]"
