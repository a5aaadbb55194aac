"""Random programs in text form, for properties that must hold of all of them."""

from __future__ import annotations

import numpy as np
from hypothesis import strategies as st

from plasma_pack.pasm.text import format_number
from plasma_pack.program.program import DType

FLOATS = st.floats(width=32, allow_nan=False, allow_infinity=False)
UNARY = ["relu", "sigmoid", "tanh", "silu", "copy", "elu", "leaky_relu"]


def number(value: float) -> str:
    return format_number(np.float32(value), DType.F32)


@st.composite
def chains(draw: st.DrawFn) -> str:
    """A valid program: arena vectors of one to three widths, made and used in random order."""
    widths = draw(st.lists(st.integers(1, 40), min_size=1, max_size=3, unique=True))
    lines = [f"input x{w} f32[{w}]" for w in widths]
    body: list[str] = []
    live = {w: [f"x{w}"] for w in widths}
    unread = {name for names in live.values() for name in names}
    for index in range(draw(st.integers(1, 12))):
        width = draw(st.sampled_from(widths))
        name = f"t{index}"
        op = draw(st.sampled_from([*UNARY, "add", "mul", "linear", "clamp"]))
        operands = [draw(st.sampled_from(live[width]))]
        extra = ""
        if op in ("add", "mul"):
            operands.append(draw(st.sampled_from(live[width])))
        elif op in ("elu", "leaky_relu"):
            extra = f", {number(draw(FLOATS))}"
        elif op == "clamp":
            low, high = sorted([draw(FLOATS), draw(FLOATS)])
            lines.append(f"const low{index} f32[{width}] = {number(low)}")
            lines.append(f"const high{index} f32[{width}] = {number(high)}")
            extra = f", low{index}, high{index}"
        elif op == "linear":
            source = draw(st.sampled_from(widths))
            operands = [draw(st.sampled_from(live[source]))]
            values = draw(st.lists(st.integers(-127, 127), min_size=1, max_size=1))
            lines.append(f"const w{index} i8[{width},{source}] scale s{index} = {values[0]}")
            lines.append(f"const s{index} f32[{width}] = 0.01")
            extra = f", w{index}"
        lines.append(f"arena {name} f32[{width}]")
        body.append(f"{op} {name}, {', '.join(operands)}{extra}")
        unread.difference_update(operands)
        live[width].append(name)
        unread.add(name)
    lines += [f"output y{i} f32[{_width(lines, name)}]" for i, name in enumerate(sorted(unread))]
    body += [f"copy y{i}, {name}" for i, name in enumerate(sorted(unread))]
    return "\n".join(lines + body)


def _width(lines: list[str], name: str) -> int:
    line = next(line for line in lines if line.split()[1] == name)
    return int(line.split("f32[")[1].split("]")[0])
