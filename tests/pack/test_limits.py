"""Action limits are derived where the network gives them, demanded where it does not."""

from __future__ import annotations

import numpy as np
import pytest

from plasma_pack import LimitsError, OptionError, assemble
from plasma_pack.compiler.limits import LimitOptions, PerOutput, bounds, with_limits
from plasma_pack.program.program import Program, Safe

VECTOR = """
input x f32[2]
output y f32[2]
const a f32[2] = -2 3
const b f32[2] = 1 4
arena h f32[2]
"""
INDEX = "input x f32[5]\noutput y i32[1]\nargmax y, x\n"
FREE = VECTOR + "copy h, x\nadd y, h, h\n"


def program(text: str) -> Program:
    return assemble(text).program


def safe_of(text: str, **options: PerOutput) -> Safe:
    return with_limits(program(text), LimitOptions(**options)).safes[0]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lines", "low", "high"),
    [
        ("relu h, x\ntanh y, h", [-1, -1], [1, 1]),
        ("relu h, x\nsigmoid y, h", [0, 0], [1, 1]),
        ("relu h, x\nsquash y, h, a, b", [-1, 1], [3, 7]),
        ("relu h, x\nclamp y, h, a, b", [-2, 3], [1, 4]),
        ("tanh h, x\nclamp y, h, a, b", [-1, 3], [1, 1]),
        ("tanh h, x\nnormalize y, h, b, a", [0, -15], [4, -9]),
        ("sigmoid h, x\ncopy y, h", [0, 0], [1, 1]),
    ],
)
def test_limits_come_from_the_last_operations(
    lines: str, low: list[float], high: list[float]
) -> None:
    found = bounds(program(VECTOR + lines), "y")
    assert found is not None
    np.testing.assert_array_equal(found[0], low)
    np.testing.assert_array_equal(found[1], high)


def test_an_output_without_limits_is_refused_with_advice() -> None:
    with pytest.raises(
        LimitsError,
        match="output 'y' has no limits of its own.*pass low=… and high=… .--low, --high",
    ):
        safe_of(FREE)


@pytest.mark.parametrize("word", ["low", "high", "max_delta"])
@pytest.mark.parametrize("limit", [1.0, {"y": 1.0}])
def test_a_choice_takes_no_limits(word: str, limit: PerOutput) -> None:
    with pytest.raises(LimitsError, match=f"output 'y' is a choice.*found {word}.*with safe"):
        safe_of(INDEX, **{word: limit})


def test_limits_for_all_outputs_are_those_of_the_others() -> None:
    text = "output z f32[5]\n" + INDEX + "copy z, x\n"
    limited = with_limits(program(text), LimitOptions(low=-2.0, high=2.0)).safes
    assert {safe.tensor: safe.high[0] for safe in limited} == {"z": 2.0, "y": 4}
    with pytest.raises(LimitsError, match="output 'y' is a choice"):
        with_limits(program(text), LimitOptions(low={"y": 0, "z": -2}, high=2.0))


def test_one_sided_limits_are_not_enough() -> None:
    with pytest.raises(LimitsError, match="no limits"):
        safe_of(FREE, low=-1)


@pytest.mark.parametrize("low", [-1, [-1, -1], np.array([-1.0, -1.0]), {"y": -1}])
def test_given_limits_are_numbers_vectors_or_by_name(low: PerOutput) -> None:
    safe = safe_of(FREE, low=low, high=2)
    np.testing.assert_array_equal(safe.low, [-1, -1])
    np.testing.assert_array_equal(safe.high, [2, 2])
    np.testing.assert_array_equal(safe.safe, [0, 0])
    np.testing.assert_array_equal(safe.max_delta, [0, 0])


def test_the_safe_action_is_zero_clipped_into_the_limits() -> None:
    np.testing.assert_array_equal(safe_of(FREE, low=[1, -3], high=[2, -2]).safe, [1, -2])


def test_given_safe_action_and_rate_limit_are_kept() -> None:
    safe = safe_of(FREE, low=-1, high=1, safe=[0.5, -0.5], max_delta=0.1)
    np.testing.assert_array_equal(safe.safe, np.array([0.5, -0.5], np.float32))
    np.testing.assert_array_equal(safe.max_delta, np.array([0.1, 0.1], np.float32))


def test_an_index_is_limited_to_the_choices() -> None:
    safe = safe_of(INDEX)
    assert (safe.low.tolist(), safe.high.tolist(), safe.safe.tolist()) == ([0], [4], [0])
    assert safe_of(INDEX, safe=3).safe.tolist() == [3]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"low": 1, "high": -1}, "expected low ≤ safe ≤ high"),
        ({"low": -1, "high": 1, "safe": 2}, "expected low ≤ safe ≤ high"),
        ({"low": [-1, -1, -1], "high": 1}, "found 3 numbers, expected 1 or 2"),
        ({"low": float("-inf"), "high": 1}, "all finite"),
        ({"low": -1, "high": 1, "max_delta": -0.5}, "at least 0"),
    ],
)
def test_limits_that_contradict_each_other_are_refused(
    options: dict[str, PerOutput], words: str
) -> None:
    with pytest.raises(LimitsError, match=words) as info:
        safe_of(FREE, **options)
    assert info.value.code == "E_PACK_LIMITS"


def test_a_safe_index_outside_the_choices_is_refused() -> None:
    with pytest.raises(LimitsError):
        safe_of(INDEX, safe=5)


def test_a_safe_index_that_is_no_whole_number_is_refused() -> None:
    with pytest.raises(LimitsError, match="whole"):
        safe_of(INDEX, safe=1.5)


def test_an_output_may_be_no_actuator() -> None:
    found = with_limits(program(FREE), LimitOptions(actuators=[]))
    assert found.safes == ()
    assert not any(io.actuator for io in found.ios)


@pytest.mark.parametrize("options", [{"actuators": ["z"]}, {"low": {"z": 1}}])
def test_an_output_that_does_not_exist_is_refused(options: dict[str, PerOutput]) -> None:
    with pytest.raises(OptionError, match="no output is called z; the outputs are y"):
        with_limits(program(FREE), LimitOptions(**options))  # type: ignore[arg-type]
