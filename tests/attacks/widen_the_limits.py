"""Change what is stored behind the signed region.

The idea: the signature covers only the first kilobyte; edit the rest and mend the trailer.
The damage: action limits of ±1 become ±1000 and the arm hits the table.
The defence: the signed table holds the digest of every section; mending that digest breaks the signature instead.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from plasma_pack import open_packet
from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery, overwrite


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for record in open_packet(fleet.base).records:
        for at in range(record.stored_len):
            flipped = bytes([fleet.base[record.offset + at] ^ 0xFF])
            packet = overwrite(fleet.base, record.offset + at, flipped)
            what = f"byte {at} of section {record.type}"
            yield Attempt(what, packet, ["E_STORED_DIGEST"])

    forgery = Forgery.of(fleet.base)
    safe = forgery.part(fmt.Section.SAFE).raw
    wide = safe[:16] + struct.pack("<4f", -1000, -1000, 1000, 1000) + safe[32:]
    forgery.replace_raw(fmt.Section.SAFE, wide)
    genuine = open_packet(fleet.base).signatures[0]
    mended = forgery.assemble(fleet.release, sign=lambda key, region: genuine)
    yield Attempt("and its digest", mended, ["E_SIG_BAD"])
