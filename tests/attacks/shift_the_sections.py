"""Point at other bytes of the file.

The idea: sections that overlap, leave holes, lie behind the end or before the beginning, or whose end wraps around.
The damage: one section read as another; bytes outside the file.
The defence: the offset of a section follows from those before it, and lengths are compared without adding.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack import open_packet
from tests.attacks.fleet import Attempt, Fleet, Forgery

LAYOUT = ["E_SECTION_LAYOUT"]


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for packet, is_adapter in ((fleet.base, False), (fleet.adapter, True)):
        for i, record in enumerate(open_packet(packet).records):
            for what, fields in _lies(record.offset, record.stored_len):
                forgery = Forgery.of(packet)
                forgery.parts[i].fields.update(fields)
                forged = forgery.assemble(fleet.release)
                codes = ["E_LIMIT"] if "raw_len" in fields and fields["raw_len"] else LAYOUT
                yield Attempt(f"section {i}, {what}", forged, codes, is_adapter)
    forgery = Forgery.of(fleet.base)
    forgery.parts[-1].stored += b"\0"
    forgery.parts[-1].fields["stored_len"] = len(forgery.parts[-1].stored) - 1
    yield Attempt("a byte behind the last", forgery.assemble(fleet.release), LAYOUT)


def _lies(offset: int, stored_len: int) -> Iterator[tuple[str, dict[str, int]]]:
    for delta in (-64, -1, 1, 64):
        yield f"offset {delta:+}", {"offset": offset + delta}
    for value in (0, 2**32, 2**63, 2**64 - 64, 2**64 - 1):
        yield f"offset {value}", {"offset": value}
    # Not compressed, both lengths are the same; compressed, they are not and the stored one is judged alone.
    for value in (2**31, 2**63, 2**64 - 1, 2**64 - offset):
        yield f"stored_len {value}", {"stored_len": value, "flags": 1}
    yield "stored_len 0", {"stored_len": 0}
    yield "raw_len 0", {"raw_len": 0}
    for value in (2**30 + 1, 2**63, 2**64 - 1):
        yield f"raw_len {value}", {"raw_len": value}
    yield "lengths differ", {"flags": 0, "stored_len": stored_len, "raw_len": 0}
