# SPDX-License-Identifier: Apache-2.0
"""Does the packet earn what its source earns? Both fly the same episodes of an environment.

The source is compiled with float weights and the packet's own limits, so what is compared is what
quantising and packing changed. Episodes are paired by seed, which leaves the luck of the start out of
the difference; its 95 % interval is a bootstrap, for returns are rarely normal.
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import Policy
from plasma_edge._episodes import fly, make_env
from plasma_pack.base_packet import Source, build
from plasma_pack.errors import OptionError
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.program.decode import decode
from plasma_pack.program.program import Array, DType, Program
from plasma_pack.rehearsal import draft_of_packet, rehearse

LOSS = 0.02  # of the source's return; a smaller one is no reason to refuse
_RESAMPLES = 10_000


def check(
    packet: str | PathLike[str] | bytes,
    source: Source,
    env_id: str,
    *,
    episodes: int = 20,
    seed: int = 0,
    **hints: Any,
) -> dict[str, Any]:
    """Returns of both over the same seeds, JSON-ready. `holds` is False when the packet loses more
    than 2 % and its interval says that this is no luck.

    hints: what `build` was told of the source: states, vec_normalize, frame_stack, network.

    Signatures are not looked at: this is for the workstation that the packet was built on.
    """
    if episodes < 2:
        raise OptionError(f"episodes: found {episodes}, expected at least 2")
    opened = open_packet(packet)
    packed = rehearse(draft_of_packet(opened))
    exact = _source_policy(opened, source, hints)
    _check_inputs(packed, exact)
    env = make_env(env_id, packed)
    seeds = range(seed, seed + episodes)
    returns = {
        name: np.array([fly(policy, env, number) for number in seeds])
        for name, policy in (("source", exact), ("packet", packed))
    }
    env.close()
    return {"env": env_id, "episodes": episodes, **_compare(returns["source"], returns["packet"])}


def _source_policy(opened: OpenPacket, source: Source, hints: Mapping[str, Any]) -> Policy:
    key = Ed25519PrivateKey.generate()
    limits = _limits(decode(opened.sections))
    built = build(source, key=key, weights="f32", max_adapters=0, **limits, **hints)
    return Policy.load(built.data, trust=public_bytes(key), max_memory_bytes=1 << 40)


def _check_inputs(packed: Policy, exact: Policy) -> None:
    taken = [{io.name: io.shape for io in policy.inputs} for policy in (packed, exact)]
    if taken[0] != taken[1]:
        raise OptionError(
            f"the packet takes {taken[0]}, the source {taken[1]}; pass the policy that it was built "
            "from, and what the build was told: states={input: output} (--state), frame_stack, network"
        )


def _limits(program: Program) -> dict[str, Any]:
    """What a build was told; a choice takes nothing but which is safe."""
    names = {io.tensor: io.name for io in program.ios}
    levels = [safe for safe in program.safes if program.tensor(safe.tensor).dtype is not DType.I32]
    limits = {
        word: {names[safe.tensor]: getattr(safe, word) for safe in levels}
        for word in ("low", "high", "max_delta")
    }
    safest = {names[safe.tensor]: safe.safe for safe in program.safes}
    return {**limits, "safe": safest, "actuators": list(safest)}


def _compare(source: Array, packet: Array) -> dict[str, Any]:
    difference = packet - source
    low, high = _interval(difference)
    loss = -float(difference.mean())
    return {
        "source": _summary(source),
        "packet": _summary(packet),
        "difference": {"mean": -loss, "low": low, "high": high},
        "holds": not (high < 0 and loss > LOSS * abs(float(source.mean()))),
    }


def _summary(returns: Array) -> dict[str, float]:
    low, high = _interval(returns)
    return {
        "mean": float(returns.mean()),
        "low": low,
        "high": high,
        "min": float(returns.min()),
        "max": float(returns.max()),
    }


def _interval(values: Array) -> tuple[float, float]:
    """95 % of the means of resampled episodes (Efron, 1979)."""
    generator = np.random.default_rng(0)
    picks = generator.integers(0, len(values), (_RESAMPLES, len(values)))
    low, high = np.quantile(values[picks].mean(axis=1), [0.025, 0.975])
    return float(low), float(high)
