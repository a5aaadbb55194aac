"""Text that cannot be read is refused with its line; text that can is not judged."""

from __future__ import annotations

import contextlib
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plasma_edge import ProgramError, _core
from plasma_pack import AssemblyError, assemble
from plasma_pack.packet.format import Section

HEAD = "input x f32[2]\noutput y f32[2]\n"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("tanh y, z", "no tensor is called 'z'"),
        ("tahn y, x", "neither an instruction nor a declaration"),
        ("elu y, x", r"elu ends with 1 number\(s\), found 0"),
        ("elu y, 0.5, x", "operands come first"),
        ("tanh y x", "found 'x', expected ','"),
        ("tanh", "found 0 operands"),
        ("concat y" + ", x" * 9, "found 10 operands"),
        ("input x f32[3]", "'x' is declared twice"),
        ("arena z f64[3]", "'f64' is not a type"),
        ("arena z f32[1,1,1,1,1]", "1 to 4 dimensions"),
        ("arena z f32[two]", "expected a whole number"),
        ("const z f32[3] = 1 2", r"found 2 numbers, expected 3 \(or one for all\)"),
        ("const z i8[1] = 200", "expected a number that fits i8"),
        ("const z i8[1] scale none = 1", "no tensor is called 'none'"),
        ("arena z f32[2] wide", "'wide' cannot stand in a declaration"),
        ("output z f32[2] actuator low 0", "missing: high, safe"),
        ("slot none max_rank 2", "no instruction has the label 'none'"),
        ("patch none, a, b scale 1", "no slot is called 'none'"),
        ("patch 0, a scale 1", "expected: patch SLOT, A, B"),
        ("patch 0, a, b scale 1", "'a' is not a lora matrix"),
        ("lora a i8[1,2]", "has no values"),
        ("raw HEAD 0 = 00", "'HEAD' is not one of"),
        ("raw IO 0 = xy", "bytes in hexadecimal"),
        ("raw IO 9999 = 00", "IO has 192 bytes, 9999 is not among them"),
        ('input "x" f32[2]', "expected a name"),
        ("tanh y, x, 1 2", "expected ','"),
        ("elu y, x" + ", 1" * 9, "found 9 numbers, expected at most 8"),
        (f'input z f32[1] name "{"n" * 33}"', "at most 32 characters"),
        ("const z f32[65536,65536] = 1", "too many to write down"),
    ],
)
def test_a_line_that_cannot_be_read_is_named(line: str, words: str) -> None:
    with pytest.raises(AssemblyError, match=f"line 3: .*{words}") as info:
        assemble(HEAD + line)
    assert info.value.code == "E_PACK_TEXT"


def test_a_label_is_used_once() -> None:
    with pytest.raises(AssemblyError, match="line 4: the label 'a' is used twice"):
        assemble(HEAD + "a: tanh y, x\na: tanh y, x")


def test_a_program_that_must_be_refused_assembles() -> None:
    sections = assemble(HEAD + "tanh y, x\ntanh y, x").sections
    with pytest.raises(ProgramError) as info:
        _core.certify(sections)
    assert info.value.code == "E_PROG_SSA"


@pytest.mark.parametrize("line", ["arena z f32[1] @ -4", "a: tanh y, x\nslot a max_rank 65536"])
def test_a_number_that_does_not_fit_its_field_is_refused(line: str) -> None:
    with pytest.raises(AssemblyError, match="does not fit its field"):
        assemble(HEAD + line)


SOUP = re.findall(
    r"\S+",
    """
    input output const state arena lora slot patch raw tanh add elu linear concat actuator low high
    safe scale name unit range max_rank x y z f32 i8 i32 f16 0 1 -1 1.5 0x7f800000 999999 @ = : , [
    ] "s" ; PROG SAFE ff
    """,
)


@settings(max_examples=400)
@given(st.lists(st.sampled_from([*SOUP, "\n"]), max_size=30))
def test_any_soup_of_words_ends_in_an_assembly_error_or_in_sections(words: list[str]) -> None:
    with contextlib.suppress(AssemblyError):
        assemble(HEAD + " ".join(words))


@settings(max_examples=200)
@given(st.text(max_size=80))
def test_any_text_ends_in_an_assembly_error_or_in_sections(text: str) -> None:
    with contextlib.suppress(AssemblyError):
        assemble(HEAD + text)


def test_raw_bytes_replace_and_append() -> None:
    plain = assemble(HEAD + "tanh y, x").sections[Section.PROG]
    patched = assemble(HEAD + "tanh y, x\nraw PROG 0 = ff ff\nraw PROG 64 = 01").sections
    assert patched[Section.PROG] == b"\xff\xff" + plain[2:] + b"\x01"


def test_the_example_of_the_document_assembles_and_runs() -> None:
    document = (Path(__file__).parents[2] / "cpp/vm/ISA.md").read_text("utf-8")
    example = re.search(r"## 7\..*?```\n(.*?)```", document, re.DOTALL)
    assert example is not None
    certificate = _core.certify(assemble(example[1]).sections)
    assert certificate["macs"] == 8
    assert certificate["state_bytes"] == 8
