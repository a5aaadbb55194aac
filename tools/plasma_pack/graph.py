# SPDX-License-Identifier: Apache-2.0
"""A program as a picture, SVG or PNG: a column of boxes in order of execution.

Programs are straight lines, so a column says when, and only values that skip a box need a line beside
it. Each such line has a lane of its own for as long as it lasts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape

from plasma_pack.errors import OptionError
from plasma_pack.inspection import printable
from plasma_pack.layers import PacketLayer, packet_layers, slot_names
from plasma_pack.program.program import Instruction, Program, Storage, Tensor

_WIDTH, _HEIGHT, _GAP, _MARGIN, _LANE = 430, 44, 20, 24, 14
_ZOOM, _MOST_BOXES = 2, 500
_MOST_LETTERS = 50  # that fit a box, of the widest of the fonts
_COLOURS = {
    "io": "#dbeafe",
    "state": "#fef3c7",
    "int8": "#dcfce7",
    "f16": "#fde2e4",
    "f32": "#fecaca",
    "op": "#f3f4f6",
}
_STYLE = (
    "text{font:13px ui-monospace,Menlo,Consolas,'DejaVu Sans Mono',monospace;fill:#111827}"
    ".small{font-size:11px;fill:#4b5563}"
    "rect{stroke:#6b7280}"
    "path{fill:none;stroke:#6b7280;stroke-width:1.3}"
)


@dataclass(frozen=True)
class Box:
    """title and detail are shown; reads are the numbers of boxes above."""

    title: str
    detail: str
    kind: str
    reads: tuple[int, ...] = ()


@dataclass(frozen=True)
class _Line:
    """A value that passes by at least one box."""

    begin: int
    end: int
    lane: int


def draw(program: Program) -> str:
    """The SVG of a program that keeps the rules."""
    boxes = boxes_of(program)
    lines = list(_lanes(boxes))
    lanes = 1 + max((line.lane for line in lines), default=-1)
    width = 2 * _MARGIN + _WIDTH + (lanes + 1) * _LANE * bool(lanes)
    height = 2 * _MARGIN + len(boxes) * (_HEIGHT + _GAP) - _GAP
    parts = [_box(number, box) for number, box in enumerate(boxes)]
    parts += [_arrow(number) for number, box in enumerate(boxes) if number - 1 in box.reads]
    parts += [_detour(line) for line in lines]
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}">\n<style>{_STYLE}</style>\n'
        '<defs><marker id="tip" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="8" '
        'markerHeight="8" orient="auto"><path d="M0 0L8 4L0 8z" style="fill:#6b7280"/></marker>'
        '</defs>\n<rect width="100%" height="100%" style="fill:white;stroke:none"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def png(program: Program) -> bytes:
    """The same picture in pixels. Raises OptionError for one that is too long, or without letters."""
    import resvg_py  # a renderer, for this alone

    count = len(boxes_of(program))
    if count > _MOST_BOXES:
        raise OptionError(
            f"found {count:,} boxes, expected at most {_MOST_BOXES} in a PNG; write an .svg"
        )
    svg = draw(program)
    picture: bytes = resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM)
    if picture == resvg_py.svg_to_bytes(svg_string=svg, zoom=_ZOOM, skip_system_fonts=True):
        raise OptionError(
            "no font is installed, so a PNG would have no letters; install one (Debian: "
            "fonts-dejavu-core), or write an .svg"
        )
    return picture


def boxes_of(program: Program) -> list[Box]:
    """Inputs and states, the instructions, then outputs and the states of the next tick."""
    boxes: list[Box] = []
    made: dict[str, int] = {}
    for tensor in program.tensors:
        if tensor.storage in (Storage.INPUT, Storage.STATE):
            made[tensor.name] = len(boxes)
            boxes.append(_source(program, tensor))
    names = slot_names(program)
    layers = {layer.instruction: layer for layer in packet_layers(program)}
    written: dict[str, int] = {}
    for number, instruction in enumerate(program.instructions):
        reads = tuple(made[name] for name in instruction.inputs if name in made)
        into = program.tensor(instruction.output)
        # A state keeps its old value for the readers of this tick; rule 7 lets none come after.
        (made if into.storage is Storage.ARENA else written)[into.name] = len(boxes)
        boxes.append(_operation(instruction, into, names.get(number), layers.get(number), reads))
    for tensor in program.tensors:
        if tensor.name in written:
            boxes.append(_result(program, tensor, written[tensor.name]))
    return boxes


def _source(program: Program, tensor: Tensor) -> Box:
    if tensor.storage is Storage.STATE:
        return Box(f"state {printable(tensor.name)}", f"{_type(tensor)}, of the last tick", "state")
    io = next(io for io in program.ios if io.tensor == tensor.name)
    unit = f" {printable(io.unit)}" if io.unit else ""
    stated = f", {io.low:g} … {io.high:g}{unit}" if io.low < io.high else f"{unit}"
    return Box(f"input {printable(io.name)}", _type(tensor) + stated, "io")


def _result(program: Program, tensor: Tensor, writer: int) -> Box:
    if tensor.storage is Storage.STATE:
        title = f"state {printable(tensor.name)}"
        return Box(title, f"{_type(tensor)}, for the next tick", "state", (writer,))
    io = next(io for io in program.ios if io.tensor == tensor.name)
    role = f", actuator, {io.low:g} … {io.high:g}" if io.actuator else ""
    unit = f" {printable(io.unit)}" if io.unit else ""
    return Box(f"output {printable(io.name)}", _type(tensor) + role + unit, "io", (writer,))


def _operation(
    instruction: Instruction,
    into: Tensor,
    given: str | None,
    layer: PacketLayer | None,
    reads: tuple[int, ...],
) -> Box:
    name = f"{instruction.op}  " if given else instruction.op
    name += _end_of(printable(given or ""), _MOST_LETTERS - len(name))
    if layer is None:
        return Box(name, f"→ {_type(into)}", "op", reads)
    shape = "×".join(map(str, layer.shape))
    detail = f"→ {_type(into)}   {layer.precision} {shape}, {layer.nbytes:,} bytes"
    return Box(name, detail, layer.precision, reads)


def _end_of(name: str, most: int) -> str:
    """Where a path of modules says most."""
    return name if len(name) <= most else f"…{name[1 - most :]}"


def _type(tensor: Tensor) -> str:
    return f"{tensor.dtype.text}[{', '.join(map(str, tensor.dims))}]"


def _lanes(boxes: list[Box]) -> Iterator[_Line]:
    """Each value that somebody further down reads, from its box to its last reader; the innermost
    lane that is free.
    """
    free_from: list[int] = []
    last: dict[int, list[int]] = {}
    for number, box in enumerate(boxes):
        for source in box.reads:
            if source != number - 1:
                last.setdefault(source, []).append(number)
    for begin in sorted(last):
        lane = next((k for k, free in enumerate(free_from) if free < begin), len(free_from))
        free_from[lane : lane + 1] = [max(last[begin])]
        for end in last[begin]:
            yield _Line(begin, end, lane)


def _top(number: int) -> int:
    return _MARGIN + number * (_HEIGHT + _GAP)


def _box(number: int, box: Box) -> str:
    top, left = _top(number), _MARGIN
    return (
        f'<rect x="{left}" y="{top}" width="{_WIDTH}" height="{_HEIGHT}" rx="6" '
        f'style="fill:{_COLOURS[box.kind]}"/>'
        f'<text x="{left + 12}" y="{top + 18}">{escape(box.title)}</text>'
        f'<text class="small" x="{left + 12}" y="{top + 35}">{escape(box.detail)}</text>'
    )


def _arrow(number: int) -> str:
    x, y = _MARGIN + _WIDTH // 2, _top(number)
    return f'<path d="M{x} {y - _GAP}V{y - 1}" marker-end="url(#tip)"/>'


def _detour(line: _Line) -> str:
    """Out of the right side of one box, down its lane, into the right side of another."""
    side = _MARGIN + _WIDTH
    x = side + (line.lane + 1) * _LANE
    begin, end = _top(line.begin) + _HEIGHT * 2 // 3, _top(line.end) + _HEIGHT // 3
    return f'<path d="M{side} {begin}H{x}V{end}H{side + 1}" marker-end="url(#tip)"/>'
