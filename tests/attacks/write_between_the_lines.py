"""Hide data where nobody looks.

The idea: padding and reserved fields are read by no one, so they carry what no one approved.
The damage: a covert channel out of the training cluster, under the company's signature; and no room to grow.
The defence: every pad byte and reserved field must be zero.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack import open_packet
from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery, overwrite


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    opened = open_packet(fleet.base)
    signatures = fmt.align(opened.header.signed_len)
    ends = [signatures + fmt.SIGNATURE_BYTES * opened.header.signer_count]
    ends += [record.offset + record.stored_len for record in opened.records[:-1]]
    gaps = [(opened.header.signed_len, signatures), *((end, fmt.align(end)) for end in ends)]
    for begin, end in gaps:
        for at in range(begin, end):
            yield Attempt(f"pad at {at}", overwrite(fleet.base, at, b"\x01"), ["E_PADDING"])
    forgery = Forgery.of(fleet.base)
    for bit in range(64):
        packet = forgery.assemble(fleet.release, reserved=1 << bit)
        yield Attempt(f"reserved bit {bit}", packet, ["E_RESERVED"])
    for at in range(52):
        tail = bytes(at) + b"\x80" + bytes(51 - at)
        packet = forgery.assemble(fleet.release, reserved_tail=tail)
        yield Attempt(f"reserved byte {204 + at}", packet, ["E_RESERVED"])
    for bit in range(32):
        packet = forgery.assemble(fleet.release, flags=1 << bit)
        yield Attempt(f"flag {bit}", packet, ["E_RESERVED"])
