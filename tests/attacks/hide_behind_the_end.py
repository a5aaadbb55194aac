"""Append to a genuine packet.

The idea: a file that is a packet and something else as well (an archive, a script, a second packet).
The damage: scanners see one thing, the robot another; contraband travels under a good signature.
The defence: the header says where the file ends, and nothing may follow.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    tails = {
        "a zero": b"\0",
        "a line end": b"\n",
        "a block": bytes(64),
        "a script": b"#!/bin/sh\n",
        "a zip": b"PK\x05\x06" + bytes(18),
        "an adapter": fleet.adapter,
        "a base": fleet.base,
    }
    for what, tail in tails.items():
        yield Attempt(what, fleet.base + tail, ["E_TRAILING"])
        yield Attempt(what, fleet.adapter + tail, ["E_TRAILING"], is_adapter=True)


def exhaustive(fleet: Fleet) -> Iterator[Attempt]:
    """Longer by any length, up to twice."""
    for packet, is_adapter in ((fleet.base, False), (fleet.adapter, True), (fleet.large, False)):
        for size in range(1, len(packet) + 1):
            what = f"{size} more bytes"
            yield Attempt(what, packet + packet[:size], ["E_TRAILING"], is_adapter)
