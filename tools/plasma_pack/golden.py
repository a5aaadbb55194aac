# SPDX-License-Identifier: Apache-2.0
"""Self-test cases: up to 16 ticks whose answers travel with the packet and must come out bit for
bit on the robot.

The answers are not computed here. A draft of the packet is rehearsed with the runtime's scalar
kernels: what came out is what every device must repeat.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from plasma_edge import Policy
from plasma_pack.errors import AdapterError, SourceError
from plasma_pack.observations import Case, Observations, cases_of
from plasma_pack.packet.format import MAX_GOLD_BYTES, MAX_GOLD_CASES, Section
from plasma_pack.packet.writer import Draft
from plasma_pack.program.program import Program, Storage
from plasma_pack.rehearsal import rehearse

_FEWEST = 2  # of one tick alone no state is seen
_SHARE, _FREE_BYTES = 0.25, 16_384  # of the weights, and what nobody minds


def base_gold(draft: Draft, program: Program, observations: Observations) -> bytes:
    """The GOLD section of a base. observations: f32 [N, n], or {input: [N, n]}; None draws them at
    random.
    """
    candidates = cases_of(program, observations, "golden", 4 * MAX_GOLD_CASES)
    cases = [candidates[i] for i in _spaced(len(candidates), _case_limit(program))]
    return _encode(cases, _answers(rehearse(draft, kernels="scalar"), cases))


def adapter_gold(
    base: Draft, adapter: Draft, program: Program, observations: Observations
) -> bytes:
    """The GOLD section of an adapter; cases that tell it from its base come first.

    Raises AdapterError when no candidate does: an adapter that changes nothing is not worth a
    signature.
    """
    candidates = cases_of(program, observations, "golden", 4 * MAX_GOLD_CASES)
    plain = rehearse(base, kernels="scalar")
    adapted = rehearse(base, adapter, kernels="scalar")
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


def _spaced(count: int, limit: int) -> list[int]:
    """Up to `limit` indices, evenly over all."""
    return sorted(set(np.linspace(0, count - 1, min(count, limit)).round().astype(int).tolist()))


def _case_limit(program: Program) -> int:
    """As many cases as there may be, but of images only so many that the policy, not its self-test,
    makes up the packet.
    """
    tensors = [*program.select(Storage.INPUT), *program.select(Storage.OUTPUT)]
    case_bytes = 4 * sum(tensor.elements for tensor in tensors)
    fitting = (MAX_GOLD_BYTES - 16) // case_bytes
    if fitting == 0:
        raise SourceError(
            "one self-test case exceeds the GOLD section; the inputs are too large for a packet"
        )
    weights = sum(tensor.nbytes for tensor in program.select(Storage.CONST))
    fair = max(_FREE_BYTES, int(weights * _SHARE)) // case_bytes
    return min(MAX_GOLD_CASES, fitting, max(_FEWEST, fair))


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
