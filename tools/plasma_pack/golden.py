# SPDX-License-Identifier: Apache-2.0
"""Self-test cases: up to 16 ticks whose answers travel with the packet and must come out bit for
bit on the robot.

The answers are not computed here. A draft of the packet, signed with a key that lives only in
memory, is loaded by the real runtime and run with its scalar kernels: what came out is what every
device must repeat.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import Policy
from plasma_pack.errors import AdapterError, OptionError, SourceError
from plasma_pack.packet.format import MAX_GOLD_BYTES, MAX_GOLD_CASES, Section
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, write_packet
from plasma_pack.program.program import Array, FloatArray, Io, Program, Storage, Tensor

Observations = Array | Mapping[str, Array] | None
Case = dict[str, FloatArray]
_SEED = 20_240_801


@dataclass(frozen=True)
class Runner:
    """Runs drafts on the real runtime; `base` alone, or with `adapter` attached."""

    base: Draft
    adapter: Draft | None = None

    def load(self) -> Policy:
        key = Ed25519PrivateKey.generate()
        policy = Policy.load(
            write_packet(self.base, [key]), trust=public_bytes(key), kernels="scalar"
        )
        if self.adapter is not None:
            policy.attach(write_packet(self.adapter, [key]), name="draft")
        return policy


def base_gold(draft: Draft, program: Program, observations: Observations) -> bytes:
    """The GOLD section of a base. observations: f32 [N, n], or {input: [N, n]}; None draws them at
    random.
    """
    candidates = _candidates(program, observations)
    cases = [candidates[i] for i in _spaced(len(candidates), _case_limit(program))]
    return _encode(cases, _answers(Runner(draft).load(), cases))


def adapter_gold(
    base: Draft, adapter: Draft, program: Program, observations: Observations
) -> bytes:
    """The GOLD section of an adapter; cases that tell it from its base come first.

    Raises AdapterError when no candidate does: an adapter that changes nothing is not worth a
    signature.
    """
    candidates = _candidates(program, observations)
    plain, adapted = Runner(base).load(), Runner(base, adapter).load()
    limit = _case_limit(program)
    order = _differing_first(plain, adapted, candidates, limit)
    cases = [candidates[i] for i in order]
    answers = _answers(adapted, cases)
    if answers == _answers(plain, cases):
        raise AdapterError(
            f"the adapter changes no action on any of {len(candidates)} observations; "
            "train it longer, or pass golden=… with observations on which it matters"
        )
    return _encode(cases, answers)


def _candidates(program: Program, observations: Observations) -> list[Case]:
    inputs = [
        (io, program.tensor(io.tensor))
        for io in program.ios
        if program.tensor(io.tensor).storage is Storage.INPUT
    ]
    if observations is None:
        generator = np.random.default_rng(_SEED)
        return [
            {io.name: _draw(io, t.dims, generator) for io, t in inputs}
            for _ in range(4 * MAX_GOLD_CASES)
        ]
    if not isinstance(observations, Mapping):
        if len(inputs) != 1:
            raise OptionError(
                f"golden: the inputs are {[io.name for io, _ in inputs]}; pass a dict by name"
            )
        observations = {inputs[0][0].name: observations}
    columns = {io.name: _rows(observations.get(io.name), io.name, t) for io, t in inputs}
    counts = {len(rows) for rows in columns.values()}
    if len(counts) != 1:
        raise OptionError(
            f"golden: found {sorted(counts)} observations, expected as many for each input"
        )
    return [{name: rows[i] for name, rows in columns.items()} for i in range(counts.pop())]


def _rows(values: Array | None, name: str, tensor: Tensor) -> FloatArray:
    if values is None:
        raise OptionError(f"golden: no observations for input {name!r}")
    rows = np.asarray(values, np.float32)
    is_table = rows.ndim >= 2 and len(rows) > 0 and rows[0].size == tensor.elements
    if not is_table or not np.isfinite(rows).all():
        raise OptionError(
            f"golden: found shape {rows.shape} for {name!r}, expected finite "
            f"[N, {', '.join(map(str, tensor.dims))}]"
        )
    return rows.reshape(len(rows), *tensor.dims)


def _draw(io: Io, dims: tuple[int, ...], generator: np.random.Generator) -> FloatArray:
    if io.low < io.high:
        return generator.uniform(io.low, io.high, dims).astype(np.float32)
    return generator.standard_normal(dims).astype(np.float32)


def _spaced(count: int, limit: int) -> list[int]:
    """Up to `limit` indices, evenly over all."""
    return sorted(set(np.linspace(0, count - 1, min(count, limit)).round().astype(int).tolist()))


def _case_limit(program: Program) -> int:
    tensors = [*program.select(Storage.INPUT), *program.select(Storage.OUTPUT)]
    fitting = (MAX_GOLD_BYTES - 16) // (4 * sum(tensor.elements for tensor in tensors))
    if fitting == 0:
        raise SourceError(
            "one self-test case exceeds the GOLD section; the inputs are too large for a packet"
        )
    return min(MAX_GOLD_CASES, fitting)


def _differing_first(
    plain: Policy, adapted: Policy, candidates: list[Case], limit: int
) -> list[int]:
    differing = []
    for index, case in enumerate(candidates):
        plain.reset()
        adapted.reset()
        if _tick(plain, case) != _tick(adapted, case):
            differing.append(index)
    chosen = [differing[i] for i in _spaced(len(differing), limit)] if differing else []
    rest = [i for i in range(len(candidates)) if i not in set(differing)]
    return chosen + [rest[i] for i in _spaced(len(rest), limit - len(chosen))] if rest else chosen


def _answers(policy: Policy, cases: list[Case]) -> list[bytes]:
    """Outputs of consecutive ticks from reset."""
    policy.reset()
    before = policy.stats.faults
    answers = [_tick(policy, case) for case in cases]
    if policy.stats.faults != before:
        raise SourceError(
            "the network gives NaN or infinity on a self-test case; check its weights and golden=…"
        )
    return answers


def _tick(policy: Policy, case: Case) -> bytes:
    obs: Any = case if len(case) > 1 else next(iter(case.values()))
    action = policy.step(obs)
    outputs = [action[io.name] for io in policy.outputs] if isinstance(action, dict) else [action]
    return b"".join(
        struct.pack("<i", value) if isinstance(value, int) else np.asarray(value, "<f4").tobytes()
        for value in outputs
    )


def _encode(cases: list[Case], answers: list[bytes]) -> bytes:
    inputs = [
        b"".join(values.astype("<f4").tobytes() for values in case.values()) for case in cases
    ]
    head = struct.pack("<IIII", len(cases), 0, len(inputs[0]), len(answers[0]))
    return head + b"".join(given + wanted for given, wanted in zip(inputs, answers, strict=True))


def case_count(sections: Mapping[int, bytes]) -> int:
    """How many self-test cases a packet carries."""
    raw = sections.get(Section.GOLD, b"")
    return int.from_bytes(raw[:4], "little") if len(raw) >= 4 else 0
