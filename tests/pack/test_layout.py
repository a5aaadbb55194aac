"""Offsets: constants in order of first use, arena tensors never on top of a living one."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from plasma_edge import ProgramError, _core
from plasma_pack import assemble
from plasma_pack.program.program import Program
from tests.pack import programs


def offsets(program: Program) -> dict[str, int | None]:
    return {tensor.name: tensor.offset for tensor in program.tensors}


def test_constants_lie_in_order_of_first_use_with_scales_before_the_bias() -> None:
    program = assemble(
        """
        input x f32[2]
        output y f32[1]
        const late f32[1] = 2
        const b f32[1] = 1
        const w i8[1,2] scale s = 1
        const s f32[1] = 1
        arena h f32[1]
        linear h, x, w, b
        sub y, h, late
        """
    ).program
    placed = offsets(program)
    assert (placed["w"], placed["s"], placed["b"], placed["late"]) == (0, 0, 64, 128)


def test_an_elementwise_result_goes_over_its_dying_operand() -> None:
    program = assemble(
        """
        input x f32[20]
        output y f32[20]
        arena a f32[20]
        arena b f32[20]
        relu a, x
        tanh b, a
        sigmoid y, b
        """
    ).program
    assert offsets(program)["a"] == offsets(program)["b"] == 0


def test_a_result_stays_clear_of_an_operand_that_lives_on() -> None:
    program = assemble(
        """
        input x f32[20]
        output y f32[20]
        arena a f32[20]
        arena b f32[20]
        relu a, x
        tanh b, a
        mul y, a, b
        """
    ).program
    assert offsets(program)["b"] == 128


def test_a_linear_never_writes_over_what_it_reads() -> None:
    program = assemble(
        """
        input x f32[2]
        output y f32[2]
        const w f32[2,2] = 1
        arena a f32[2]
        arena b f32[2]
        relu a, x
        linear b, a, w
        relu y, b
        """
    ).program
    assert offsets(program)["a"] != offsets(program)["b"]


def test_a_given_offset_is_kept_and_others_stay_clear_of_it() -> None:
    program = assemble(
        """
        input x f32[2]
        output y f32[2]
        arena a f32[2]
        arena b f32[2] @ 0
        relu a, x
        relu b, x
        add y, a, b
        """
    ).program
    assert offsets(program)["b"] == 0
    assert offsets(program)["a"] == 64


@settings(max_examples=150)
@given(programs.chains())
def test_the_validator_accepts_every_layout(text: str) -> None:
    _core.certify(assemble(text).sections)


@given(st.integers(1, 63))
def test_the_validator_refuses_an_overlap_by_hand(shift: int) -> None:
    text = f"""
        input x f32[32]
        output y f32[32]
        arena a f32[32] @ 0
        arena b f32[32] @ {4 * shift // 2 // 4 * 4}
        relu a, x
        relu b, x
        add y, a, b
        """
    with pytest.raises(ProgramError):
        _core.certify(assemble(text).sections)
