# SPDX-License-Identifier: Apache-2.0
"""How long a step of a packet would take on a board that is not at hand: its instructions' cost units at
the board's estimated rates, as `Policy.bound_us` adds them up at measured ones.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from plasma_pack.boards import BOARDS, Rates
from plasma_pack.errors import OptionError
from plasma_pack.packet.reader import OpenPacket
from plasma_pack.program.decode import decode
from plasma_pack.program.program import DType, Instruction, Program
from plasma_pack.rehearsal import draft_of_packet, rehearse

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
    work = _work(packet)
    cold, warm = (board.rates(is_cold=is_cold) for is_cold in (True, False))
    rows: list[dict[str, Any]] = [
        {
            "class": name,
            "instructions": len(units),
            "cost_units": sum(units),
            "cold_us": _time(cold, name, units),
            "warm_us": _time(warm, name, units),
        }
        for name, units in work.items()
        if units
    ]
    return {
        "board": board.title,
        "kernels": board.kernels,
        "note": NOTE,
        "cold_us": board.cold_step_us + sum(row["cold_us"] for row in rows),
        "warm_us": sum(row["warm_us"] for row in rows),
        "classes": rows,
    }


def _time(rates: Rates, name: str, units: list[int]) -> float:
    us_per_op, us_per_unit = rates[name]
    return len(units) * us_per_op + sum(units) * us_per_unit


def _work(packet: OpenPacket) -> dict[str, list[int]]:
    """Cost units of each instruction, as the runtime counts them, by class of work."""
    policy = rehearse(draft_of_packet(packet))
    program = decode(packet.sections)
    obs = {io.name: np.zeros((1, *io.shape), np.float32) for io in policy.inputs}
    work: dict[str, list[int]] = {
        name: [] for name in ("linear_i8", "linear_f32", "conv2d", "pool", "other")
    }
    for instruction, time in zip(program.instructions, policy.profile(obs), strict=True):
        work[_class_of(program, instruction)].append(time.cost_units)
    return work


def _class_of(program: Program, instruction: Instruction) -> str:
    """As cpp/runtime/board.cpp classes them."""
    if instruction.op == "linear":
        is_int8 = program.tensor(instruction.inputs[1]).dtype is DType.I8
        return "linear_i8" if is_int8 else "linear_f32"
    if instruction.op == "conv2d":
        return "conv2d"
    return "pool" if instruction.op in ("max_pool2d", "avg_pool2d") else "other"
