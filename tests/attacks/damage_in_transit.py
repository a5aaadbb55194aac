"""Change what no trusted key signed: a stranger's signature, or the trailer.

The idea: a packet may carry signatures of keys that this robot does not know; their bytes mean nothing to it.
The damage: files that differ and yet all count as the one that was released; room for 448 bytes of contraband.
The defence: the trailer is a digest of everything before it, and the last thing in the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack import open_packet
from plasma_pack.packet import format as fmt
from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    packet = write_packet(fleet.base_draft, [fleet.release, fleet.stranger])
    theirs = fmt.align(open_packet(packet).header.signed_len) + fmt.SIGNATURE_BYTES
    trailer = len(packet) - fmt.TRAILER_BYTES
    for begin, end in ((theirs, theirs + fmt.SIGNATURE_BYTES), (trailer, len(packet))):
        for at in range(begin, end):
            changed = packet[:at] + bytes([packet[at] ^ 0x55]) + packet[at + 1 :]
            yield Attempt(f"byte {at}", changed, ["E_TRANSPORT"])
