# SPDX-License-Identifier: Apache-2.0
"""How long a step of a packet would take on a board that is not at hand: its instructions' cost units at
the board's estimated rates, as `Policy.bound_us` adds them up at measured ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from plasma_pack.boards import BOARDS, Rates
from plasma_pack.errors import OptionError
from plasma_pack.packet.reader import OpenPacket
from plasma_pack.program.decode import decode
from plasma_pack.program.program import DType, Instruction, Program
from plasma_pack.rehearsal import draft_of_packet, rehearse

# Cost units of each instruction, by class of work.
Work = Mapping[str, Sequence[int]]

NOTE = (
    "an estimate from published figures, right to within a factor of two or so; "
    "plasma-edge calibrate on the board measures it"
)


def estimate(packet: OpenPacket, board_name: str) -> dict[str, Any]:
    """JSON-ready. Cold: nothing is in the caches, as in a loop of 50 to 1000 Hz with other work
    between; warm: everything is.
    """
    if board_name not in BOARDS:
        raise OptionError(f"board: found {board_name!r}, expected one of {', '.join(BOARDS)}")
    board = BOARDS[board_name]
    work = work_of(packet)
    cold, warm = (board.rates(is_cold=is_cold) for is_cold in (True, False))
    return {
        "board": board.title,
        "kernels": board.kernels,
        "note": NOTE,
        "cold_us": board.cold_step_us + step_us(cold, work),
        "warm_us": step_us(warm, work),
        "classes": [
            {
                "class": name,
                "instructions": len(units),
                "cost_units": sum(units),
                "cold_us": step_us(cold, {name: units}),
                "warm_us": step_us(warm, {name: units}),
            }
            for name, units in work.items()
        ],
    }


def cold_steps(packet: OpenPacket) -> dict[str, float]:
    """µs of a cold step on every known board, by its name: estimates, see NOTE."""
    work = work_of(packet)
    return {
        name: board.cold_step_us + step_us(board.rates(is_cold=True), work)
        for name, board in BOARDS.items()
    }


def step_us(rates: Rates, work: Work) -> float:
    return sum(
        len(units) * rates[name][0] + sum(units) * rates[name][1] for name, units in work.items()
    )


def work_of(packet: OpenPacket) -> Work:
    """What a packet does in a step, in cost units as the runtime counts them."""
    policy = rehearse(draft_of_packet(packet))
    program = decode(packet.sections)
    obs = {io.name: np.zeros((1, *io.shape), np.float32) for io in policy.inputs}
    work: dict[str, list[int]] = {}
    for instruction, time in zip(program.instructions, policy.profile(obs), strict=True):
        work.setdefault(_class_of(program, instruction), []).append(time.cost_units)
    return work


def _class_of(program: Program, instruction: Instruction) -> str:
    """As cpp/runtime/board.cpp classes them."""
    if instruction.op == "linear":
        is_int8 = program.tensor(instruction.inputs[1]).dtype is DType.I8
        return "linear_i8" if is_int8 else "linear_f32"
    if instruction.op == "conv2d":
        return "conv2d"
    return "pool" if instruction.op in ("max_pool2d", "avg_pool2d") else "other"
