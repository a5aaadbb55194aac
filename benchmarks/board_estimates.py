"""How far `plasma-pack estimate` is off on a machine that can be measured: the benchmark's nets on this one.

    .venv/bin/python -m benchmarks.bench.nets A B C D E F G H
    .venv/bin/python -m benchmarks.board_estimates

HOST states of this machine what boards.py states of the others. Warm: the median step. Cold: the bound that
`plasma-edge calibrate` gives, which is added up the same way from measured rates.
"""

from __future__ import annotations

import sys
import time

import numpy as np
from benchmarks.bench.catalog import NETS, Net
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
import plasma_pack as pp
from plasma_edge import _core
from plasma_pack.boards import Board
from plasma_pack.estimate import step_us, work_of
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.rehearsal import draft_of_packet, rehearse

HOST = Board("AMD EPYC, Zen 5, two vpmaddubsw a cycle", "avx2", 4.0, 64, 16, 12.0, 110)
STEPS = 400


def main() -> None:
    rates = _core.measure_board(HOST.kernels)["rates"]
    cold_step_us = rates.pop("us_per_step")
    heads = ("estimate", "median", "estimate", "bound")
    sys.stdout.write(f"{HOST.title}\n{'µs':<20}{'warm':>9}{'':>9}{'cold':>9}\n")
    sys.stdout.write(f"{'':<20}{''.join(f'{head:>9}' for head in heads)}\n")
    for net in NETS.values():
        if net.has_adapters:
            continue
        packet = packed(net)
        work = work_of(packet)
        numbers = (
            step_us(HOST.rates(is_cold=False), work),
            median_us(packet),
            HOST.cold_step_us + step_us(HOST.rates(is_cold=True), work),
            cold_step_us + step_us(rates, work),
        )
        shown = "".join(f"{number:9.1f}" for number in numbers)
        sys.stdout.write(f"{net.letter}  {net.title:<17}{shown}\n")


def packed(net: Net) -> OpenPacket:
    key = Ed25519PrivateKey.generate()
    built = pp.build(net.onnx, key=key, weights="int8", states=net.states, low=-1, high=1)
    return open_packet(built.data)


def median_us(packet: OpenPacket) -> float:
    policy: pe.Policy = rehearse(draft_of_packet(packet), kernels=HOST.kernels)
    obs = np.full(policy.inputs[0].shape, 0.1, np.float32)
    times = []
    for _ in range(STEPS):
        begin = time.perf_counter_ns()
        policy.step(obs)
        times.append(time.perf_counter_ns() - begin)
    return float(np.median(times)) / 1e3


if __name__ == "__main__":
    main()
