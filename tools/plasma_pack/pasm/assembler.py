# SPDX-License-Identifier: Apache-2.0
"""Text (`.pasm`) to sections. Grammar: cpp/vm/ISA.md, section 7.

The assembler resolves names and lays out; it does not judge. A program that the machine must refuse
assembles as well as any other, which is how the validator is tested. What even text cannot say is
patched in by `raw` lines.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

from plasma_pack.errors import AssemblyError
from plasma_pack.packet.format import Section
from plasma_pack.pasm.declarations import declare
from plasma_pack.pasm.text import Line
from plasma_pack.program.encode import encode, encode_patches
from plasma_pack.program.layout import lay_out
from plasma_pack.program.program import (
    OPCODES,
    Array,
    DType,
    Instruction,
    Io,
    Matrix,
    Patch,
    Program,
    Safe,
    Slot,
    Storage,
    Tensor,
)

MAX_INPUTS = 8
MAX_IMMEDIATES = 8


@dataclass(frozen=True, eq=False)
class Assembly:
    """Sections by type: of the program, and of the adapter when the text has patches."""

    program: Program
    sections: dict[int, bytes]
    adapter: dict[int, bytes] = field(default_factory=dict)


def assemble(text: str) -> Assembly:
    """Assemble a text program. Raises AssemblyError naming the line."""
    source = _Source()
    for number, content in enumerate(text.splitlines(), 1):
        line = Line(number, content)
        if not line.is_done:
            source.read(line)
    return source.finish()


@dataclass(frozen=True)
class _Slot:
    line: Line
    label: str
    max_rank: int


@dataclass(frozen=True)
class _Patch:
    line: Line
    slot: str
    parts: tuple[str, ...]
    scale: float


@dataclass(frozen=True)
class _Raw:
    line: Line
    section: Section
    at: int
    data: bytes


class _Source:
    """What the lines read so far have said."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}
        self.lora: dict[str, Tensor] = {}
        self.ios: list[Io] = []
        self.safes: list[Safe] = []
        self.instructions: list[Instruction] = []
        self.slots: list[_Slot] = []
        self.patches: list[_Patch] = []
        self.raws: list[_Raw] = []
        self.names_used: list[tuple[Line, str]] = []

    def read(self, line: Line) -> None:
        word = line.peek()
        if line.peek(1) == ":" or word in OPCODES:
            self._instruction(line)
        elif word == "lora":
            self._lora(line)
        elif word.upper() in Storage.__members__:
            self._declaration(line)
        elif word == "slot":
            self._slot(line)
        elif word == "patch":
            self._patch(line)
        elif word == "raw":
            self._raw(line)
        else:
            raise line.error(f"{word!r} is neither an instruction nor a declaration")
        if not line.is_done:
            raise line.error(f"found {line.peek()!r} where the line should end")

    def finish(self) -> Assembly:
        for line, name in self.names_used:
            if name not in self.tensors:
                raise line.error(f"no tensor is called {name!r}")
        program = lay_out(
            Program(
                tensors=tuple(self.tensors.values()),
                instructions=tuple(self.instructions),
                ios=tuple(sorted(self.ios, key=lambda io: self.tensors[io.tensor].storage)),
                slots=tuple(self._resolve_slot(slot) for slot in self.slots),
                slot_names=tuple(slot.label for slot in self.slots),
                safes=tuple(self.safes),
            )
        )
        patches = [self._resolve_patch(patch) for patch in self.patches]
        try:
            sections, adapter = encode(program), encode_patches(patches)
        except struct.error as error:
            raise AssemblyError(f"a number does not fit its field: {error}") from error
        for raw in self.raws:
            _overwrite(adapter if raw.section in _ADAPTER_SECTIONS else sections, raw)
        return Assembly(program, sections, adapter)

    # ---- lines

    def _declaration(self, line: Line) -> None:
        declaration = declare(line, Storage[line.take("a storage").upper()])
        self._add(line, self.tensors, declaration.tensor)
        if declaration.scale is not None:
            self.names_used.append((line, declaration.scale))
        if declaration.storage in (Storage.INPUT, Storage.OUTPUT):
            self.ios.append(declaration.io)
        if declaration.safe is not None:
            self.safes.append(declaration.safe)

    def _lora(self, line: Line) -> None:
        line.expect("lora")
        declaration = declare(line, Storage.CONST)
        if declaration.values is None:
            raise line.error(f"lora {declaration.name} has no values; add = …")
        self._add(line, self.lora, declaration.tensor)

    def _instruction(self, line: Line) -> None:
        label = None
        if line.peek(1) == ":":
            label = line.name()
            line.expect(":")
            if any(label == other.label for other in self.instructions):
                raise line.error(f"the label {label!r} is used twice")
        op = line.take("an instruction")
        if op not in OPCODES:
            raise line.error(f"{op!r} is not an instruction")
        names, immediates = _operands(line)
        wanted = OPCODES[op].immediates
        if len(immediates) < wanted:
            raise line.error(f"{op} ends with {wanted} number(s), found {len(immediates)}")
        if not 1 <= len(names) <= MAX_INPUTS + 1:
            raise line.error(f"found {len(names)} operands, expected 1 to {MAX_INPUTS + 1}")
        if len(immediates) > MAX_IMMEDIATES:
            raise line.error(f"found {len(immediates)} numbers, expected at most {MAX_IMMEDIATES}")
        self.names_used += [(line, name) for name in names]
        self.instructions.append(
            Instruction(op, names[0], tuple(names[1:]), tuple(immediates), label)
        )

    def _slot(self, line: Line) -> None:
        line.expect("slot")
        label = line.name()
        line.expect("max_rank")
        self.slots.append(_Slot(line, label, line.integer()))

    def _patch(self, line: Line) -> None:
        line.expect("patch")
        slot = line.take("the label or number of a slot")
        parts = []
        while line.accept(","):
            parts.append(line.name())
        line.expect("scale")
        self.patches.append(_Patch(line, slot, tuple(parts), float(line.number(DType.F32))))

    def _raw(self, line: Line) -> None:
        line.expect("raw")
        name = line.take("a section")
        if name not in Section.__members__:
            raise line.error(f"{name!r} is not one of {', '.join(Section.__members__)}")
        at = line.integer()
        line.expect("=")
        self.raws.append(_Raw(line, Section[name], at, line.hexadecimal()))

    # ---- names

    def _add(self, line: Line, table: dict[str, Tensor], tensor: Tensor) -> None:
        if tensor.name in table:
            raise line.error(f"{tensor.name!r} is declared twice")
        table[tensor.name] = tensor

    def _resolve_slot(self, slot: _Slot) -> Slot:
        for index, instruction in enumerate(self.instructions):
            if instruction.label == slot.label:
                rows, cols = self._weight_dims(instruction)
                return Slot(index, slot.max_rank, cols, rows)
        raise slot.line.error(f"no instruction has the label {slot.label!r}")

    def _weight_dims(self, instruction: Instruction) -> tuple[int, int]:
        """[rows, cols] of the weights; 1 × 1 where there are none, for the validator to refuse."""
        dims = self.tensors[instruction.inputs[1]].dims if len(instruction.inputs) > 1 else ()
        return (dims[0], dims[1]) if len(dims) == 2 else (1, 1)

    def _resolve_patch(self, patch: _Patch) -> Patch:
        labels = [slot.label for slot in self.slots]
        if patch.slot not in labels and not patch.slot.isdigit():
            raise patch.line.error(f"no slot is called {patch.slot!r}")
        if not 2 <= len(patch.parts) <= 3:
            raise patch.line.error("expected: patch SLOT, A, B[, BIAS] scale S")
        a, b, *bias = patch.parts
        return Patch(
            slot=labels.index(patch.slot) if patch.slot in labels else int(patch.slot),
            scale=patch.scale,
            a=self._matrix(patch.line, a),
            b=self._matrix(patch.line, b),
            bias=self._values(patch.line, bias[0]) if bias else None,
        )

    def _matrix(self, line: Line, name: str) -> Matrix:
        scale = self.lora[name].scale if name in self.lora else None
        if scale is None:
            raise line.error(f"{name!r} is not a lora matrix with a scale")
        return Matrix(self._values(line, name), self._values(line, scale))

    def _values(self, line: Line, name: str) -> Array:
        values = self.lora[name].values if name in self.lora else None
        if values is None:
            raise line.error(f"no lora tensor is called {name!r}")
        return values


_ADAPTER_SECTIONS = (Section.LORA, Section.LORA_CONST)


def _operands(line: Line) -> tuple[list[str], list[float]]:
    names: list[str] = []
    immediates: list[float] = []
    while not line.is_done:
        if line.is_number():
            immediates.append(float(line.number(DType.F32)))
        elif immediates:
            raise line.error(f"found {line.peek()!r} after a number; operands come first")
        else:
            names.append(line.name())
        if not line.is_done:
            line.expect(",")
    return names, immediates


def _overwrite(sections: dict[int, bytes], raw: _Raw) -> None:
    held = sections.get(raw.section, b"")
    if not 0 <= raw.at <= len(held):
        raise raw.line.error(
            f"{raw.section.name} has {len(held)} bytes, {raw.at} is not among them"
        )
    sections[int(raw.section)] = held[: raw.at] + raw.data + held[raw.at + len(raw.data) :]
