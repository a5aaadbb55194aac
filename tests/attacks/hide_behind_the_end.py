"""Append to a genuine packet.

The idea: a file that is a packet and something else as well (an archive, a script, a second packet).
The damage: scanners see one thing, the robot another; contraband travels under a good signature.
The defence: the header says where the file ends, and nothing may follow.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    zip_end = b"PK\x05\x06" + bytes(18)
    for tail in (b"\0", b"\n", bytes(64), b"#!/bin/sh\n", zip_end, fleet.adapter, fleet.base):
        yield Attempt(fleet.base + tail, ["E_TRAILING"])
        yield Attempt(fleet.adapter + tail, ["E_TRAILING"], is_adapter=True)
