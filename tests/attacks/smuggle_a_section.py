"""Bring a section along that the format does not have, twice, or in the wrong place.

The idea: two readers that disagree about which of two programs is the real one; data that only a later version reads.
The damage: what was reviewed is not what runs.
The defence: types strictly increase, unknown ones must be marked ignorable, and no offset is a choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery, Part


def with_part(fleet: Fleet, part: Part, at: int | None = None) -> bytes:
    forgery = Forgery.of(fleet.base)
    forgery.parts.insert(len(forgery.parts) if at is None else at, part)
    return forgery.assemble(fleet.release)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    plain = Forgery.of(fleet.base)
    prog = plain.part(fmt.Section.PROG)
    yield Attempt(with_part(fleet, prog, 0), ["E_SECTION_ORDER"])
    yield Attempt(with_part(fleet, prog), ["E_SECTION_ORDER"])
    for unknown in (13, 15, 18, 31, 33, 255, 256, 2**32 - 1):
        yield Attempt(with_part(fleet, Part(unknown, b"x", 0, b"x")), ["E_SECTION_UNKNOWN"])
    # What an adapter has, in a base; a trust root in either.
    for foreign in (fmt.Section.LORA, fmt.Section.LORA_CONST, fmt.Section.TRUST):
        yield Attempt(with_part(fleet, Part(foreign, b"x", 0, b"x")), ["E_SECTION_UNKNOWN"])
    for missing in (fmt.Section.PROG, fmt.Section.TENS, fmt.Section.IO):
        forgery = Forgery.of(fleet.base)
        forgery.parts = [part for part in forgery.parts if part.type != missing]
        yield Attempt(forgery.assemble(fleet.release), ["E_SECTION_MISSING"])
    for name, value in (("offset", 0), ("offset", 2**64 - 64), ("stored_len", 0), ("raw_len", 0)):
        forgery = Forgery.of(fleet.base)
        forgery.parts[1].fields[name] = value
        yield Attempt(forgery.assemble(fleet.release), ["E_SECTION_LAYOUT"])
    for name in ("stored_digest", "raw_digest"):
        forgery = Forgery.of(fleet.base)
        forgery.parts[1].fields[name] = bytes(32)
        yield Attempt(forgery.assemble(fleet.release), [f"E_{name.upper()}"])
    yield Attempt(plain.assemble(fleet.release, content_digest=bytes(32)), ["E_CONTENT_DIGEST"])
