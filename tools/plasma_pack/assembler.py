# SPDX-License-Identifier: Apache-2.0
"""Text (`.pasm`) to sections. Grammar: cpp/vm/ISA.md, section 7.

The assembler resolves names and lays out; it does not judge. A program that the machine must refuse
assembles as well as any other, which is how the validator is tested. What even text cannot say is
patched in by `raw` lines.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from .encode import encode, encode_patches
from .errors import AssemblyError
from .format import Section
from .layout import lay_out
from .program import (
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
from .text import Line

MAX_OPERANDS = 8


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


@dataclass
class _Source:
    tensors: dict[str, Tensor] = field(default_factory=dict)
    lora: dict[str, Tensor] = field(default_factory=dict)
    ios: list[Io] = field(default_factory=list)
    safes: list[Safe] = field(default_factory=list)
    instructions: list[Instruction] = field(default_factory=list)
    slots: list[tuple[Line, str, int]] = field(default_factory=list)
    patches: list[tuple[Line, str, list[str], float]] = field(default_factory=list)
    raws: list[tuple[Line, Section, int, bytes]] = field(default_factory=list)
    operands: list[tuple[Line, str]] = field(default_factory=list)

    def read(self, line: Line) -> None:
        statements: dict[str, Callable[[Line], None]] = {
            "input": self._input,
            "output": self._output,
            "const": self._const,
            "lora": self._lora,
            "arena": lambda line: self._tensor(line, Storage.ARENA),
            "state": lambda line: self._tensor(line, Storage.STATE),
            "slot": self._slot,
            "patch": self._patch,
            "raw": self._raw,
        }
        statement = statements.get(line.peek())
        if statement is not None and line.peek(1) != ":":
            line.take("a statement")
            statement(line)
        else:
            self._instruction(line)
        if not line.is_done:
            raise line.error(f"found {line.peek()!r} where the line should end")

    def finish(self) -> Assembly:
        for line, name in self.operands:
            if name not in self.tensors:
                raise line.error(f"no tensor is called {name!r}")
        ordered = sorted(self.ios, key=lambda io: self.tensors[io.tensor].storage)
        slots = [self._resolve_slot(*slot) for slot in self.slots]
        program = lay_out(
            Program(
                tensors=tuple(self.tensors.values()),
                instructions=tuple(self.instructions),
                ios=tuple(ordered),
                slots=tuple(slots),
                slot_names=tuple(label for _, label, _ in self.slots),
                safes=tuple(self.safes),
            )
        )
        sections = encode(program)
        adapter = encode_patches([self._resolve_patch(*patch) for patch in self.patches])
        for raw in self.raws:
            _overwrite(*raw, adapter if raw[1] in (Section.LORA, Section.LORA_CONST) else sections)
        return Assembly(program, sections, adapter)

    # ---- statements

    def _input(self, line: Line) -> None:
        tensor = self._declare(line, Storage.INPUT)
        options = _options(line, tensor)
        self._add(line, options.placed(tensor))
        self.ios.append(options.io(tensor))

    def _output(self, line: Line) -> None:
        tensor = self._declare(line, Storage.OUTPUT)
        options = _options(line, tensor)
        self._add(line, options.placed(tensor))
        self.ios.append(options.io(tensor))
        safe = options.safe_record(line, tensor)
        if safe is not None:
            self.safes.append(safe)

    def _const(self, line: Line) -> None:
        tensor = _options(line, tensor := self._declare(line, Storage.CONST)).placed(tensor)
        if tensor.scale is not None:
            self.operands.append((line, tensor.scale))
        self._add(line, tensor)

    def _lora(self, line: Line) -> None:
        tensor = _options(line, tensor := self._declare(line, Storage.CONST)).placed(tensor)
        if tensor.values is None:
            raise line.error(f"lora {tensor.name} has no values; add = …")
        if tensor.name in self.lora:
            raise line.error(f"{tensor.name!r} is declared twice")
        self.lora[tensor.name] = tensor

    def _tensor(self, line: Line, storage: Storage) -> None:
        tensor = self._declare(line, storage)
        self._add(line, _options(line, tensor).placed(tensor))

    def _instruction(self, line: Line) -> None:
        label = None
        if line.peek(1) == ":":
            label = line.name()
            line.expect(":")
            if any(label == other.label for other in self.instructions):
                raise line.error(f"the label {label!r} is used twice")
        op = line.take("an instruction")
        if op not in OPCODES:
            raise line.error(f"{op!r} is neither an instruction nor a declaration")
        names, immediates = _operands_of(line)
        wanted = OPCODES[op]["immediates"]
        if len(immediates) < wanted:
            raise line.error(
                f"{op} takes {wanted} number(s) after its operands, found {len(immediates)}"
            )
        if not names or len(names) > MAX_OPERANDS + 1:
            raise line.error(
                f"found {len(names)} operands, an instruction holds 1 output and at most {MAX_OPERANDS}"
            )
        self.operands += [(line, name) for name in names]
        self.instructions.append(
            Instruction(op, names[0], tuple(names[1:]), tuple(immediates), label)
        )

    def _slot(self, line: Line) -> None:
        label = line.name()
        line.expect("max_rank")
        self.slots.append((line, label, line.integer()))

    def _patch(self, line: Line) -> None:
        label = line.take("a label or the number of a slot")
        parts = []
        while line.accept(","):
            parts.append(line.name())
        line.expect("scale")
        self.patches.append((line, label, parts, float(line.number_as(DType.F32))))

    def _raw(self, line: Line) -> None:
        name = line.take("a section")
        if name not in Section.__members__:
            raise line.error(
                f"{name!r} is not a section; expected one of {', '.join(Section.__members__)}"
            )
        at = line.integer()
        line.expect("=")
        try:
            data = bytes.fromhex("".join(line.tokens[line.at :]))
        except ValueError:
            raise line.error("expected bytes in hexadecimal after =") from None
        line.at = len(line.tokens)
        self.raws.append((line, Section[name], at, data))

    # ---- helpers

    def _declare(self, line: Line, storage: Storage) -> Tensor:
        name = line.name()
        dtype_text = line.take("a type")
        dtype = next((dtype for dtype in DType if dtype.text == dtype_text), None)
        if dtype is None:
            raise line.error(f"{dtype_text!r} is not a type; expected i8, f16, f32 or i32")
        line.expect("[")
        dims = [line.integer()]
        while line.accept(","):
            dims.append(line.integer())
        line.expect("]")
        if len(dims) > 4 or any(not 0 <= dim < 1 << 32 for dim in dims):
            raise line.error("a tensor has 1 to 4 dimensions below 2^32")
        return Tensor(name, dtype, tuple(dims), storage)

    def _add(self, line: Line, tensor: Tensor) -> None:
        if tensor.name in self.tensors:
            raise line.error(f"{tensor.name!r} is declared twice")
        self.tensors[tensor.name] = tensor

    def _resolve_slot(self, line: Line, label: str, max_rank: int) -> Slot:
        for index, instruction in enumerate(self.instructions):
            if instruction.label == label:
                weights = (
                    self.tensors[instruction.inputs[1]] if len(instruction.inputs) > 1 else None
                )
                rows, cols = (
                    weights.dims if weights is not None and len(weights.dims) == 2 else (1, 1)
                )
                return Slot(index, max_rank, cols, rows)
        raise line.error(f"no instruction has the label {label!r}")

    def _resolve_patch(self, line: Line, label: str, parts: list[str], scale: float) -> Patch:
        labels = [name for _, name, _ in self.slots]
        if label not in labels and not label.isdigit():
            raise line.error(f"no slot is called {label!r}")
        if not 2 <= len(parts) <= 3:
            raise line.error(
                "a patch is: patch SLOT, A, B scale S   or   patch SLOT, A, B, BIAS scale S"
            )
        return Patch(
            slot=labels.index(label) if label in labels else int(label),
            scale=scale,
            a=self._matrix(line, parts[0]),
            b=self._matrix(line, parts[1]),
            bias=self._values(line, parts[2]) if len(parts) == 3 else None,
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


@dataclass
class _Options:
    """What may follow a declaration, in any order."""

    actuator: bool = False
    name: str | None = None
    unit: str = ""
    range: tuple[float, float] = (0.0, 0.0)
    scale: str | None = None
    offset: int | None = None
    values: Array | None = None
    safes: dict[str, Array] = field(default_factory=dict)

    def placed(self, tensor: Tensor) -> Tensor:
        return Tensor(
            tensor.name,
            tensor.dtype,
            tensor.dims,
            tensor.storage,
            self.values,
            self.scale,
            self.offset,
        )

    def io(self, tensor: Tensor) -> Io:
        name = tensor.name if self.name is None else self.name
        return Io(tensor.name, name, self.actuator, self.unit, *self.range)

    def safe_record(self, line: Line, tensor: Tensor) -> Safe | None:
        if not self.safes:
            return None
        missing = {"low", "high", "safe"} - self.safes.keys()
        if missing:
            raise line.error(
                f"low, high and safe go together; missing: {', '.join(sorted(missing))}"
            )
        no_limit = np.zeros(tensor.elements, np.float32)
        return Safe(
            tensor.name,
            self.safes["low"],
            self.safes["high"],
            self.safes.get("max_delta", no_limit),
            self.safes["safe"],
        )


def _options(line: Line, tensor: Tensor) -> _Options:
    options = _Options()
    while not line.is_done:
        word = line.take("an option")
        if word == "actuator":
            options.actuator = True
        elif word == "name":
            options.name = line.string()
        elif word == "unit":
            options.unit = line.string()
        elif word == "range":
            options.range = (float(line.number_as(DType.F32)), float(line.number_as(DType.F32)))
        elif word == "scale":
            options.scale = line.name()
        elif word == "@":
            options.offset = line.integer()
        elif word == "=":
            options.values = _filled(line, tensor.dtype, tensor.dims)
        elif word in ("low", "high", "safe", "max_delta"):
            dtype = DType.F32 if word == "max_delta" else tensor.dtype
            options.safes[word] = _filled(line, dtype, (tensor.elements,))
        else:
            raise line.error(f"{word!r} cannot stand in this declaration")
    return options


def _filled(line: Line, dtype: DType, dims: tuple[int, ...]) -> Array:
    """Numbers up to the next word; a single one fills the whole tensor."""
    numbers = line.numbers(dtype)
    elements = int(np.prod(dims, dtype=object))
    if len(numbers) not in (1, elements):
        raise line.error(f"found {len(numbers)} numbers, expected {elements} (or one for all)")
    return np.array(numbers * (elements if len(numbers) == 1 else 1), dtype.numpy).reshape(dims)


def _operands_of(line: Line) -> tuple[list[str], list[float]]:
    names: list[str] = []
    immediates: list[float] = []
    while not line.is_done:
        if line.is_number():
            immediates.append(float(line.number_as(DType.F32)))
        elif immediates:
            raise line.error(f"found {line.peek()!r} after a number; operands come first")
        else:
            names.append(line.name())
        if not line.is_done:
            line.expect(",")
    return names, immediates


def _overwrite(
    line: Line, section: Section, at: int, data: bytes, sections: dict[int, bytes]
) -> None:
    raw = sections.get(section, b"")
    if at > len(raw):
        raise line.error(f"{section.name} has {len(raw)} bytes; {at} lies beyond its end")
    sections[int(section)] = raw[:at] + data + raw[at + len(data) :]


__all__ = ["Assembly", "AssemblyError", "assemble"]
