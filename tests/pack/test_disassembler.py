"""Text to sections to text: nothing is lost, and what comes out can be read."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plasma_edge import PacketError
from plasma_pack import assemble, disassemble, disassemble_adapter
from plasma_pack.packet.format import Section
from tests.pack import programs

BASE = """
input obs f32[4] name "my obs" unit "m/s" range -1 1
output act f32[2] actuator low -1 high 1 2 safe 0 max_delta 0.1 0.2
const w i8[2,4] scale ws = 1 2 3 4 5 6 7 8
const ws f32[2] = 0.5 0.25
const b f32[2] = 0 1
arena h f32[2]

net.0: linear h, obs, w, b
tanh act, h
slot net.0 max_rank 8
"""
ADAPTER = """
lora A i8[2,4] scale As = 1 2 3 4 5 6 7 8
lora As f32[2] = 0.5 1
lora B i8[2,2] scale Bs = 1 -1 1 -1
lora Bs f32[2] = 1
lora d f32[2] = 0.25
patch net.0, A, B, d scale 2
"""


def test_a_program_comes_out_as_it_went_in() -> None:
    assert (
        disassemble(assemble(BASE).sections, ["net.0"])
        == """\
input in0 f32[4] name "my obs" unit "m/s" range -1 1
output act f32[2] actuator low -1 high 1 2 safe 0 max_delta 0.1 0.2
const c2 i8[2,4] scale c3 = 1 2 3 4 5 6 7 8
const c3 f32[2] = 0.5 0.25
const c4 f32[2] = 0 1
arena a5 f32[2]

net.0: linear a5, in0, c2, c4
tanh act, a5
slot net.0 max_rank 8
"""
    )


def test_an_adapter_behind_its_base_assembles_to_the_same_bytes() -> None:
    first = assemble(BASE + ADAPTER)
    text = disassemble(first.sections, ["net.0"])
    patches = disassemble_adapter(first.adapter, first.sections, ["net.0"])
    second = assemble(text + patches)
    assert second.adapter == first.adapter
    assert "patch net.0, A0, B0, d0 scale 2" in patches


@settings(max_examples=150)
@given(programs.chains())
def test_random_programs_round_trip(text: str) -> None:
    sections = assemble(text).sections
    again = disassemble(sections)
    assert assemble(again).sections == sections
    assert disassemble(assemble(again).sections) == again


@given(
    name=st.text(st.characters(max_codepoint=255), min_size=1, max_size=31),
    unit=st.text(st.characters(max_codepoint=255), max_size=15),
)
def test_any_name_and_unit_round_trips(name: str, unit: str) -> None:
    from plasma_pack.pasm.text import quote

    text = f"input x f32[1] name {quote(name)} unit {quote(unit)}\noutput y f32[1]\ntanh y, x"
    sections = assemble(text).sections
    assert assemble(disassemble(sections)).sections == sections


def test_offsets_appear_only_where_layout_would_choose_others() -> None:
    body = "input x f32[2]\noutput y f32[2]\narena a f32[2]{}\nrelu a, x\ntanh y, a"
    assert "@" not in disassemble(assemble(body.format("")).sections)
    assert "@ 128" in disassemble(assemble(body.format(" @ 128")).sections)


@settings(max_examples=300)
@given(st.integers(0, 2**31), st.sampled_from(sorted(assemble(BASE).sections)))
def test_damaged_tables_are_refused_or_still_round_trip(seed: int, section: int) -> None:
    """Whatever bytes say, disassembling ends in a typed error or in text for those same bytes."""
    sections = dict(assemble(BASE).sections)
    rng = np.random.default_rng(seed)
    raw = bytearray(sections[section])
    for _ in range(rng.integers(1, 4)):
        raw[rng.integers(len(raw))] ^= 1 << int(rng.integers(8))
    sections[section] = bytes(raw)
    try:
        text = disassemble(sections)
    except PacketError as error:
        assert error.code.startswith("E_PROG_")
        return
    assert isinstance(text, str)


def test_a_table_with_half_a_record_is_refused() -> None:
    sections = dict(assemble(BASE).sections)
    sections[Section.TENS] = sections[Section.TENS][:-1]
    with pytest.raises(PacketError, match="E_PROG_FORMAT"):
        disassemble(sections)
