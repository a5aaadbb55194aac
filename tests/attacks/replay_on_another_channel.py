"""Send a genuine packet to the wrong robots.

The idea: a packet for the lab's arm is signed by the same company as the one for the field's.
The damage: a policy that is right for one machine moves another.
The defence: the channel is signed; a device that has one takes packets of that channel only.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for channel in ("field", "Lab", "lab ", "la", "lab\0"):
        yield Attempt(repr(channel), fleet.base, ["E_CHANNEL"], load={"channel": channel})
    nowhere = write_packet(replace(fleet.base_draft, channel=None), [fleet.release])
    yield Attempt("of no channel", nowhere, ["E_CHANNEL"], load={"channel": "lab"})
