# SPDX-License-Identifier: Apache-2.0
"""What a policy sees while nobody flies: observations that the caller gives, or drawn ones within the
stated ranges, the same each time.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from plasma_pack.draws import draw
from plasma_pack.errors import OptionError
from plasma_pack.program.program import Array, FloatArray, Io, Program, Storage, Tensor

Observations = Array | Mapping[str, Array] | None
Case = dict[str, FloatArray]
_SEED = 20_240_801


def cases_of(program: Program, observations: Observations, option: str, count: int) -> list[Case]:
    """One case for each row of the observations, f32 [N, n] or {input: [N, n]}; None draws `count`
    of them (draws.py). `option`: what the caller knows them as.
    """
    inputs = inputs_of(program)
    if observations is None:
        observations = _drawn(program, count)
    if not isinstance(observations, Mapping):
        if len(inputs) != 1:
            raise OptionError(
                f"{option}: the inputs are {[io.name for io, _ in inputs]}; pass a dict by name"
            )
        observations = {inputs[0][0].name: observations}
    columns = {io.name: _rows(observations.get(io.name), io.name, t, option) for io, t in inputs}
    counts = {len(rows) for rows in columns.values()}
    if len(counts) != 1:
        raise OptionError(
            f"{option}: found {sorted(counts)} observations, expected as many for each input"
        )
    return [{name: rows[i] for name, rows in columns.items()} for i in range(counts.pop())]


def inputs_of(program: Program) -> list[tuple[Io, Tensor]]:
    pairs = [(io, program.tensor(io.tensor)) for io in program.ios]
    return [(io, tensor) for io, tensor in pairs if tensor.storage is Storage.INPUT]


def _rows(values: Array | None, name: str, tensor: Tensor, option: str) -> FloatArray:
    if values is None:
        raise OptionError(f"{option}: no observations for input {name!r}")
    rows = np.asarray(values, np.float32)
    rows = rows[:, None] if rows.ndim == 1 and tensor.elements == 1 else rows
    is_table = rows.ndim >= 2 and len(rows) > 0 and rows[0].size == tensor.elements
    if not is_table or not np.isfinite(rows).all():
        raise OptionError(
            f"{option}: found shape {rows.shape} for {name!r}, expected finite "
            f"[N, {', '.join(map(str, tensor.dims))}]"
        )
    return rows.reshape(len(rows), *tensor.dims)


def _choices(program: Program) -> dict[str, int]:
    """Tensors that choose rows of a table, such as words of an embedding: among how many."""
    found: dict[str, int] = {}
    for instruction in program.instructions:
        if instruction.op == "gather":
            table, index = instruction.inputs
            writer = program.writer(index)
            if writer is not None and writer.op == "strided":  # one of several indices
                index = writer.inputs[0]
            rows = program.tensor(table).dims[0]
            found[index] = min(rows, found.get(index, rows))
    return found


def _drawn(program: Program, count: int) -> dict[str, Array]:
    generator, choices = np.random.default_rng(_SEED), _choices(program)
    return {
        io.name: draw(io.low, io.high, (count, *tensor.dims), generator)
        if tensor.name not in choices
        else generator.integers(choices[tensor.name], size=(count, *tensor.dims))
        for io, tensor in inputs_of(program)
    }
