"""Folding and moving of elements, as importers use them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from plasma_pack import SourceError
from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.lowering import Options, lower
from plasma_pack.program.program import DType, Instruction, Program, Storage

ONES = np.ones(2)


def built(builder: Builder, result: str, **options: object) -> Program:
    ids = builder.ids(result).reshape(builder.spans[result].dims)
    return lower(builder, {"y": ids}, {}, Options(**options))  # type: ignore[arg-type]


def ops(program: Program) -> list[str]:
    return [instruction.op for instruction in program.instructions]


def constants(program: Program, instruction: Instruction) -> list[list[float]]:
    found = [program.tensor(name).values for name in instruction.inputs]
    return [values.tolist() for values in found if values is not None]


@pytest.fixture
def builder() -> Builder:
    builder = Builder()
    builder.declare("x", 2, Storage.INPUT)
    return builder


def test_shift_then_scale_is_one_normalize(builder: Builder) -> None:
    program = built(builder, builder.scale(builder.shift("x", -3 * ONES), 0.5 * ONES))
    assert ops(program) == ["normalize"]
    assert constants(program, program.instructions[0]) == [[3, 3], [0.5, 0.5]]


def test_scale_then_shift_stays_two_so_that_nothing_is_rounded_away(builder: Builder) -> None:
    program = built(builder, builder.shift(builder.scale("x", 1e-8 * ONES), ONES))
    assert ops(program) == ["normalize", "normalize"]


def test_a_shift_after_a_linear_without_bias_is_its_bias(builder: Builder) -> None:
    y = builder.shift(builder.linear("x", np.eye(2), None, "fc"), np.array([1.0, 2.0]))
    program = built(builder, y)
    assert ops(program) == ["linear"]
    assert constants(program, program.instructions[0]) == [[[1, 0], [0, 1]], [1, 2]]


def test_a_chain_after_tanh_is_one_squash(builder: Builder) -> None:
    y = builder.shift(builder.unary("tanh", "x"), ONES)
    y = builder.shift(builder.scale(y, 2 * ONES), -3 * ONES)
    program = built(builder, y)
    assert ops(program) == ["squash"]
    assert constants(program, program.instructions[0]) == [[2, 2], [-1, -1]]


def test_x_times_sigmoid_is_silu_in_either_order(builder: Builder) -> None:
    gate = builder.unary("sigmoid", "x")
    assert ops(built(builder, builder.binary("mul", gate, "x"))) == ["silu"]


def test_a_value_that_others_read_is_kept(builder: Builder) -> None:
    shifted = builder.shift("x", ONES)
    scaled = builder.scale(shifted, ONES * 2)
    program = built(builder, builder.binary("add", shifted, scaled))
    assert sorted(ops(program)) == ["add", "normalize", "normalize"]


def test_elements_in_their_order_are_the_tensor_itself(builder: Builder) -> None:
    assert builder.tensor(builder.ids("x").reshape(1, 2, 1)) == "x"


def test_elements_of_several_tensors_are_concatenated(builder: Builder) -> None:
    y = builder.unary("tanh", "x")
    ids = np.concatenate([builder.ids(y), builder.ids("x"), builder.ids(y)])
    assert ops(built(builder, builder.tensor(ids))) == ["tanh", "concat"]


def test_more_parts_than_operands_are_concatenated_in_steps(builder: Builder) -> None:
    parts = [builder.unary("tanh", "x") for _ in range(17)]
    joined = builder.tensor(np.concatenate([builder.ids(part) for part in parts]))
    assert builder.spans[joined].elements == 34
    assert ops(built(builder, joined)).count("concat") == 3


def test_the_same_rows_of_a_linear_are_made_once(builder: Builder) -> None:
    y = builder.linear("x", np.arange(8).reshape(4, 2), None, "fc")
    upper = builder.tensor(builder.ids(y)[2:])
    assert builder.tensor(builder.ids(y)[2:]) == upper
    program = built(builder, upper)
    assert constants(program, program.instructions[0]) == [[[4, 5], [6, 7]]]
    assert program.slot_names == ("fc[2:4]",)


def moved(
    ids: list[int], dims: tuple[int, ...] | None = None, n: int = 12
) -> list[tuple[str, Any]]:
    """What takes these elements of a vector of n to a tensor of these dims."""
    builder = Builder()
    x = builder.declare("x", n, Storage.INPUT)
    program = built(builder, builder.tensor(x[np.array(ids)], dims))
    return [(i.op, i.immediates) for i in program.instructions]


def test_a_walk_through_a_vector_is_one_strided() -> None:
    assert moved([1]) == [("strided", (1, 0, 0, 0, 1))]
    assert moved([2, 3, 4]) == [("strided", (2, 0, 0, 0, 1))]
    assert moved([1, 0]) == [("strided", (1, 0, 0, 0, -1))]
    assert moved([2, 5, 8, 11]) == [("strided", (2, 0, 0, 0, 3))]
    assert moved([7] * 50) == [("strided", (7, 0, 0, 0, 0))]
    assert moved([0, 4, 8, 1, 5, 9], (2, 3)) == [("strided", (0, 0, 0, 1, 4))]
    assert moved([3, 4, 3, 4], (2, 2)) == [("strided", (3, 0, 0, 0, 1))]
    assert moved([0, 1, 4, 5, 6, 7, 10, 11], (2, 2, 2)) == [("strided", (0, 0, 6, 4, 1))]


def test_a_walk_of_more_axes_than_its_result_is_laid_flat() -> None:
    assert moved([0, 4, 8, 1, 5, 9]) == [("strided", (0, 0, 0, 1, 4)), ("concat", ())]


def test_what_is_no_walk_is_gathered() -> None:
    assert moved([0, 1, 3]) == [("gather", ())]
    assert moved([0, 1, 3, 2], (2, 2)) == [("gather", ()), ("concat", ())]


def test_elements_of_a_constant_are_taken_at_once(builder: Builder) -> None:
    k = builder.constant(np.arange(6.0).reshape(2, 3))
    taken = builder.tensor(builder.ids(k)[[5, 0, 0]])
    assert builder.constants[taken].tolist() == [5, 0, 0]
    assert builder.ops == []


def test_the_same_elements_are_moved_once(builder: Builder) -> None:
    assert builder.tensor(builder.ids("x")[[1, 0]]) == builder.tensor(builder.ids("x")[[1, 0]])


def test_an_index_that_is_taken_apart_becomes_numbers(builder: Builder) -> None:
    best = builder.emit("top_k", ["x"], 2, dtype=DType.I32)
    assert builder.tensor(builder.ids(best)) == best
    part = builder.tensor(builder.ids(best)[:1])
    assert builder.spans[part].dtype is DType.F32
    assert [op.op for op in builder.ops[-3:]] == ["top_k", "gather", "strided"]


def test_many_stretches_of_two_tensors_are_picked_from_both_together(builder: Builder) -> None:
    y = builder.unary("tanh", "x")
    mixed = np.stack([builder.ids("x"), builder.ids(y)]).T
    tensor = builder.tensor(np.concatenate([mixed.reshape(-1)] * 3))
    assert [op.op for op in builder.ops] == ["tanh", "concat", "strided", "concat"]
    assert builder.spans[tensor].elements == 6 * builder.spans["x"].elements


def test_parts_of_a_state_are_states(builder: Builder) -> None:
    h = builder.declare("h", 4, Storage.STATE)
    first, second = builder.tensor(h[:2]), builder.tensor(h[2:])
    y = builder.binary("add", first, second)
    next_h = np.concatenate([builder.ids("x"), builder.ids(first)])
    program = lower(builder, {"y": builder.ids(y)}, {"h": next_h}, Options())
    assert [t.dims for t in program.select(Storage.STATE)] == [(2,), (2,)]
    # The old first half is saved before it is overwritten.
    assert ops(program) == ["add", "copy", "copy", "copy"]


def test_parts_of_a_state_that_overlap_are_taken_out_of_the_whole(builder: Builder) -> None:
    h = builder.declare("h", 6, Storage.STATE)
    stack = np.concatenate([h[2:], builder.ids("x")])
    program = lower(builder, {"y": stack}, {"h": stack}, Options())
    assert [(t.name, t.dims) for t in program.select(Storage.STATE)] == [("h", (6,))]
    assert ops(program) == ["strided", "concat", "copy", "copy"]


def test_a_layer_of_another_width_is_refused(builder: Builder) -> None:
    with pytest.raises(
        SourceError, match=r"weights of fc have shape \(2, 3\), expected \[out, 2\]"
    ):
        builder.linear("x", np.zeros((2, 3)), None, "fc")


def test_a_gru_written_out_is_recognised_only_when_it_is_one() -> None:
    for swap in (False, True):
        builder = Builder()
        builder.declare("x", 2, Storage.INPUT)
        builder.declare("h", 2, Storage.INPUT)
        gi = builder.ids(builder.linear("x", np.ones((6, 2)), None, "ih"))
        gh = builder.ids(builder.linear("h", np.ones((6, 2)), None, "hh"))
        gates = [[builder.tensor(g[k : k + 2]) for k in (0, 2, 4)] for g in (gi, gh)]
        (ri, zi, ci), (rh, zh, ch) = gates
        if swap:
            ri, zi = zi, ri
        r = builder.unary("sigmoid", builder.binary("add", ri, rh))
        z = builder.unary("sigmoid", builder.binary("add", zi, zh))
        c = builder.unary("tanh", builder.binary("add", ci, builder.binary("mul", ch, r)))
        gated = builder.binary("mul", builder.binary("sub", "h", c), z)
        program = built(builder, builder.binary("add", gated, c))
        assert ("gru" in ops(program)) is not swap
