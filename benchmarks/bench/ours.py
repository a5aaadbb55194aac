# SPDX-License-Identifier: Apache-2.0
"""plasma-edge as its user has it: ONNX → plasma_pack.build → Policy.load → policy(obs)."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from itertools import cycle
from pathlib import Path

import numpy as np

import plasma_edge as pe
import plasma_pack as pp

from .catalog import ADAPTERS, RANK, Array, Net
from .contender import Action, Call, Contender

# Every table of the project, so that what this CPU lacks is said and not left out.
TABLES = ("scalar", "avx2", "avxvnni", "avx512vnni", "neon", "neondot")
LIMIT = 100.0


def pack(net: Net, folder: Path) -> None:
    """Builds, signs and writes the packets of a net. Raises a PlasmaError where the machine lacks an operator."""
    key = folder / "key.pem"
    pp.keygen(key)
    base = pp.build(
        net.onnx,
        key=key,
        out=folder / "base.plasma",
        states=net.states,
        low=-LIMIT,
        high=LIMIT,
        max_adapters=ADAPTERS,
        max_rank=RANK,
    )
    for number in range(ADAPTERS if net.has_adapters else 0):
        peft = net.folder / "peft" / str(number)
        pp.build_adapter(base, peft, key=key, out=folder / f"{number}.plasma")


def load(net: Net, folder: Path, kernels: str | None = None) -> pe.Policy:
    """A policy with its adapters resident, none of them on."""
    policy = pe.Policy.load(folder / "base.plasma", trust=folder / "key.pub", kernels=kernels)
    for number in range(ADAPTERS if net.has_adapters else 0):
        policy.attach(folder / f"{number}.plasma", name=str(number), gain=0.0)
    return policy


def contenders(net: Net, folder: Path) -> list[Contender]:
    """Both ways of calling, on the table that the runtime chooses."""
    return [
        _contender(net, folder, "policy(obs)", lambda policy: policy),
        _contender(net, folder, "policy.step(obs, out=out)", _into),
    ]


def tables(net: Net, folder: Path) -> list[Contender]:
    """policy.step(obs, out=out) on each table that this CPU has, by name."""
    return [_contender(net, folder, table, _into, table) for table in pe.kernel_tables()]


def _contender(
    net: Net,
    folder: Path,
    name: str,
    door: Callable[[pe.Policy], Call],
    kernels: str | None = None,
) -> Contender:
    def start() -> Call:
        policy = load(net, folder, kernels)
        return _in_turn(policy, door(policy)) if net.has_adapters else door(policy)

    shape = load(net, folder).inputs[0].shape
    return Contender(name, start, lambda obs: obs.reshape(shape))


def _into(policy: pe.Policy) -> Call:
    return partial(policy.step, out=np.empty(policy.outputs[0].shape, np.float32))


def _in_turn(policy: pe.Policy, step: Call) -> Call:
    """Another adapter at every call."""
    last = ADAPTERS - 1
    gains = cycle({str(n - 1 if n else last): 0.0, str(n): 1.0} for n in range(ADAPTERS)).__next__
    set_gains = policy.set_gains

    def call(obs: Array) -> Action:
        set_gains(gains())
        return step(obs)

    return call
