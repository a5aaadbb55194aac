# SPDX-License-Identifier: Apache-2.0
"""Boards that nobody here has measured: rates of work in the form of `plasma-edge calibrate`, worked out
from what is published about their CPUs. Estimates, right to within a factor of two or so; a
calibration on the board itself replaces them.

How the facts become rates was fitted to one machine, `plasma-edge calibrate` on the AMD EPYC of
benchmarks/README.md:

- Int8 products run at half of what the CPU's ports allow (a third with `avx2` there, two thirds with
  `avx512vnni`), float and other work at 0.6 cost units a lane and cycle (29 ps a unit there).
- A cold step reads its weights once, at the rate of a copy; that hides the products of `linear`.
- A cold instruction waits for memory some 30 times, a cold step 100 times besides: 3.3 µs and 12 µs
  there, where one wait takes about 0.11 µs.
- A warm instruction takes 30 ns of its own.

`python -m benchmarks.board_estimates` says how far that is off on the machine it runs on.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_INT8_SHARE = 0.5
_UNITS_PER_LANE = 0.6
_WAITS_PER_OP = 30
_WAITS_PER_STEP = 100
_WARM_US_PER_OP = 0.03
_BYTES_PER_UNIT = 1.0  # an int8 weight is a unit; an f32 one is four bytes and four units

# µs an operation and µs a cost unit, by class of work.
Rates = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class Board:
    """clock in GHz; int8: products a cycle that the ports allow; lanes: floats a cycle; copy: GB/s that
    one core copies; latency of memory in ns.
    """

    title: str
    kernels: str
    clock_ghz: float
    int8: int
    lanes: int
    copy_gb_s: float
    latency_ns: float

    @property
    def cold_step_us(self) -> float:
        return _WAITS_PER_STEP * self.latency_ns / 1e3

    def rates(self, *, is_cold: bool) -> Rates:
        products = 1e-3 / (self.clock_ghz * self.int8 * _INT8_SHARE)
        floats = 1e-3 / (self.clock_ghz * self.lanes * _UNITS_PER_LANE)
        reads = _BYTES_PER_UNIT * 1e-3 / self.copy_gb_s if is_cold else 0.0
        op = _WAITS_PER_OP * self.latency_ns / 1e3 if is_cold else _WARM_US_PER_OP
        return {
            "linear_i8": (op, max(products, reads)),
            "linear_f32": (op, max(floats, reads)),
            "conv2d": (op, products),
            "pool": (op, floats),
            "other": (op, floats),
        }


# Clocks: the makers' data sheets. int8 and lanes: the optimisation guides of Cortex-A72 (UAN 0016A:
# smull and smlal on one pipe, 8 products a cycle), A76 and A78AE (two pipes of sdot, 16 products each),
# of A53 a NEON unit of 64 bits (4 products, 2 floats); Gracemont two 128-bit pipes of vpdpbusd.
# Copies: sbc-reviews issue 110 (Pi 4) and 21 (Pi 5), sbc-bench issue 65 (Orin Nano, N100); of the Zero
# 2 W a third of LPDDR2 at 900 MT/s, 32 bits. Latency: sbc-reviews issue 98 for the chip of the Zero
# 2 W; 150 ns is assumed of the other ARM boards, 110 ns of the N100.
BOARDS = {
    "pi4": Board("Raspberry Pi 4, Cortex-A72 at 1.8 GHz", "neon", 1.8, 8, 8, 2.8, 150),
    "pi5": Board("Raspberry Pi 5, Cortex-A76 at 2.4 GHz", "neondot", 2.4, 32, 8, 5.7, 150),
    "zero2w": Board("Raspberry Pi Zero 2 W, Cortex-A53 at 1.0 GHz", "neon", 1.0, 4, 2, 1.2, 200),
    "jetson-orin": Board(
        "Jetson Orin Nano, Cortex-A78AE at 1.5 GHz", "neondot", 1.5, 32, 8, 6.7, 150
    ),
    "n100": Board("Intel N100, Gracemont at 3.4 GHz", "avxvnni", 3.4, 32, 8, 9.9, 110),
}
