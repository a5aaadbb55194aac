# SPDX-License-Identifier: Apache-2.0
"""Action limits: from the caller, or from what the last operations of the network can give.

An actuator without limits is refused: a robot must know what its motors may be told, whatever the
network says.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from plasma_pack.errors import LimitsError, OptionError
from plasma_pack.program.program import (
    Array,
    DType,
    FloatArray,
    Instruction,
    Io,
    Program,
    Safe,
    Storage,
    Tensor,
)

Numbers = float | Sequence[float] | Array
# Operations whose upper bound is 1, and their lower bound.
_WITHIN_ONE = {
    "tanh": -1,
    "erf": -1,
    "sin": -1,
    "cos": -1,
    "lstm_hidden": -1,
    "sigmoid": 0,
    "softmax": 0,
    "uniform": 0,
}

PerOutput = Numbers | Mapping[str, Numbers] | None


@dataclass(frozen=True)
class LimitOptions:
    """Numbers for every output alike, or by output name; None is derived or default."""

    low: PerOutput = None
    high: PerOutput = None
    safe: PerOutput = None
    max_delta: PerOutput = None
    actuators: Sequence[str] | None = None

    def check_names(self, outputs: Sequence[str]) -> None:
        named = [*(self.actuators or [])]
        for option in (self.low, self.high, self.safe, self.max_delta):
            named += option.keys() if isinstance(option, Mapping) else []
        unknown = sorted(set(named) - set(outputs))
        if unknown:
            raise OptionError(
                f"no output is called {', '.join(unknown)}; the outputs are {', '.join(outputs)}"
            )

    def check_choices(self, outputs: Collection[str], choices: Collection[str]) -> None:
        """Raises LimitsError for a limit of a choice: one by its name, or one for all where there is nothing else."""
        for word in ("low", "high", "max_delta"):
            option = getattr(self, word)
            meant = option if isinstance(option, Mapping) else outputs if option is not None else ()
            wrong = sorted(set(meant) & set(choices))
            if wrong and (isinstance(option, Mapping) or len(wrong) == len(outputs)):
                raise LimitsError(
                    f"output {wrong[0]!r} is a choice, any of which may follow any: found {word}, "
                    "expected none; leave it out, or say with safe which choice is safe"
                )

    def over(self, known: LimitOptions) -> LimitOptions:
        """These, and where they say nothing, those that are known otherwise."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return replace(known, **given)

    @property
    def is_default(self) -> bool:
        return all(value is None for value in vars(self).values())


def with_limits(program: Program, options: LimitOptions) -> Program:
    """The program with its actuators marked and a SAFE record for each.

    A program that states its limits already keeps them when the caller says nothing.
    Raises LimitsError when an actuator has none, OptionError when a name is not an output's.
    """
    if program.safes and options.is_default:
        return program
    outputs = [tensor.name for tensor in program.select(Storage.OUTPUT)]
    options.check_names(outputs)
    choices = [name for name in outputs if program.tensor(name).dtype is DType.I32]
    options.check_choices(outputs, choices)
    actuators = outputs if options.actuators is None else list(options.actuators)
    safes = tuple(
        _safe(program, program.tensor(name), options) for name in outputs if name in actuators
    )
    ranges = {safe.tensor: _range(safe) for safe in safes}
    ios = tuple(_limited(io, ranges.get(io.tensor)) for io in program.ios)
    return replace(program, safes=safes, ios=ios)


def bounds(program: Program, name: str) -> tuple[Array, Array] | None:
    """(lowest, highest) f32 [n] that a tensor can hold, when its last operations tell; else
    None.
    """
    instruction = program.writer(name)
    if instruction is None:
        return None
    n = program.tensor(name).elements
    if instruction.op in _WITHIN_ONE:
        return np.full(n, _WITHIN_ONE[instruction.op], np.float32), np.ones(n, np.float32)
    if instruction.op == "squash":
        scale, offset = _constants(program, instruction)
        return _ordered(offset - scale, offset + scale)
    if instruction.op == "clamp":
        low, high = _constants(program, instruction)
        return _tighter(bounds(program, instruction.inputs[0]), low, high)
    if instruction.op == "normalize":
        inside = bounds(program, instruction.inputs[0])
        mean, scale = _constants(program, instruction)
        return (
            None
            if inside is None
            else _ordered((inside[0] - mean) * scale, (inside[1] - mean) * scale)
        )
    if instruction.op == "copy":
        return bounds(program, instruction.inputs[0])
    if instruction.op == "gather":
        table = program.tensor(instruction.inputs[0]).values
        return None if table is None else (np.full(n, table.min()), np.full(n, table.max()))
    if instruction.op == "concat":
        parts = [bounds(program, part) for part in instruction.inputs]
        known = [part for part in parts if part is not None]
        if len(known) == len(parts):
            return np.concatenate([low for low, _ in known]), np.concatenate(
                [high for _, high in known]
            )
    return None


def _constants(program: Program, instruction: Instruction) -> list[FloatArray]:
    return [np.asarray(program.tensor(name).values, np.float32) for name in instruction.inputs[1:]]


def _ordered(a: Array, b: Array) -> tuple[Array, Array]:
    return np.minimum(a, b), np.maximum(a, b)


def _tighter(
    inside: tuple[Array, Array] | None, low: Array, high: Array
) -> tuple[Array, Array] | None:
    if inside is not None:
        low, high = np.maximum(low, inside[0]), np.minimum(high, inside[1])
    largest = np.finfo(np.float32).max
    return None if (low <= -largest).any() or (high >= largest).any() else (low, high)


def _safe(program: Program, output: Tensor, options: LimitOptions) -> Safe:
    given = {
        name: _numbers(option, output, name)
        for name, option in (("low", options.low), ("high", options.high), ("safe", options.safe))
    }
    is_discrete = output.dtype is DType.I32
    low, high = (
        _index_limits(program, output) if is_discrete else _float_limits(program, output, given)
    )
    safe = given["safe"] if given["safe"] is not None else np.clip(0, low, high)
    if is_discrete and (safe != np.rint(safe)).any():
        raise LimitsError(f"output {output.name!r}: safe must be the whole number of a choice")
    if not ((low <= safe) & (safe <= high)).all():
        raise LimitsError(
            f"output {output.name!r}: found low {low.tolist()}, safe {np.asarray(safe).tolist()}, "
            f"high {high.tolist()}, expected low ≤ safe ≤ high"
        )
    delta = None if is_discrete else _numbers(options.max_delta, output, "max_delta")
    if delta is not None and (delta < 0).any():
        raise LimitsError(f"output {output.name!r}: max_delta must be at least 0 (0: no limit)")
    dtype = output.dtype.numpy
    no_limit = np.zeros(output.elements, np.float32)
    return Safe(
        output.name,
        low.astype(dtype),
        high.astype(dtype),
        no_limit if delta is None else delta.astype(np.float32),
        np.asarray(safe).astype(dtype),
    )


def _index_limits(program: Program, output: Tensor) -> tuple[Array, Array]:
    writer = program.writer(output.name)
    choices = program.tensor(writer.inputs[0]).elements if writer is not None else 1
    return np.array([0]), np.array([choices - 1])


def _float_limits(
    program: Program, output: Tensor, given: Mapping[str, Array | None]
) -> tuple[Array, Array]:
    derived = bounds(program, output.name)
    low, high = given["low"], given["high"]
    if derived is None and (low is None or high is None):
        raise LimitsError(
            f"output {output.name!r} has no limits of its own (it does not end in clamp, tanh, "
            "sigmoid or tanh · scale + offset); pass low=… and high=… (--low, --high), or "
            f"states={{input: {output.name!r}}} (--state) if it is a recurrent state"
        )
    if derived is not None:
        low, high = (derived[0] if low is None else low), (derived[1] if high is None else high)
    assert low is not None and high is not None
    return low, high


def _numbers(option: PerOutput, output: Tensor, name: str) -> Array | None:
    value = option.get(output.name) if isinstance(option, Mapping) else option
    if value is None:
        return None
    numbers = np.asarray(value, np.float32 if output.dtype is DType.F32 else np.float64).reshape(-1)
    if numbers.size not in (1, output.elements) or not np.isfinite(numbers).all():
        raise LimitsError(
            f"{name} of output {output.name!r}: found {numbers.size} numbers, "
            f"expected 1 or {output.elements}, all finite"
        )
    return np.broadcast_to(numbers, (output.elements,))


def _range(safe: Safe) -> tuple[float, float]:
    return float(safe.low.min()), float(safe.high.max())


def _limited(io: Io, limits: tuple[float, float] | None) -> Io:
    if limits is None:
        return io
    return replace(io, actuator=True, low=limits[0], high=limits[1])
