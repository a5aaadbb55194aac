"""Words of the text form: numbers that come back bit for bit, strings, comments."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plasma_pack import AssemblyError
from plasma_pack.pasm.text import Line, format_number, parse_number, quote
from plasma_pack.program.program import DType


@given(st.integers(0, 2**32 - 1))
def test_every_float_comes_back_bit_for_bit(bits: int) -> None:
    value = np.array(bits, np.uint32).view(np.float32)[()]
    text = format_number(value, DType.F32)
    assert parse_number(text, DType.F32).tobytes() == value.tobytes()


@given(st.integers(0, 2**16 - 1))
def test_every_half_float_comes_back_bit_for_bit(bits: int) -> None:
    value = np.array(bits, np.uint16).view(np.float16)[()]
    assert parse_number(format_number(value, DType.F16), DType.F16).tobytes() == value.tobytes()


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.1, "0.1"), (-0.0, "-0"), (1e-12, "1e-12"), (3.4028235e38, "3.4028235e+38"), (5, "5")],
)
def test_floats_read_well(value: float, text: str) -> None:
    assert format_number(np.float32(value), DType.F32) == text


def test_what_is_not_finite_is_written_as_bits() -> None:
    assert format_number(np.float32("inf"), DType.F32) == "0x7f800000"


@pytest.mark.parametrize(
    ("text", "dtype"),
    [
        ("128", DType.I8),
        ("1.5", DType.I8),
        ("1e39", DType.F32),
        ("x", DType.F32),
        ("nan", DType.F32),
    ],
)
def test_numbers_that_do_not_fit_are_refused(text: str, dtype: DType) -> None:
    with pytest.raises((ValueError, OverflowError)):
        parse_number(text, dtype)


@given(st.text(st.characters(max_codepoint=255), max_size=20))
def test_strings_come_back(text: str) -> None:
    line = Line(1, f"unit {quote(text)} ; comment")
    line.expect("unit")
    assert line.string() == text
    assert line.is_done


def test_a_semicolon_in_a_string_is_no_comment() -> None:
    line = Line(1, 'unit "a;b" ; the rest')
    line.expect("unit")
    assert line.string() == "a;b"


def test_an_open_string_is_refused_with_its_line() -> None:
    with pytest.raises(AssemblyError, match="line 7: cannot read"):
        Line(7, 'unit "abc')
