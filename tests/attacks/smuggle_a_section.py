"""Bring a section along that the format does not have, twice, or in the wrong place.

The idea: two readers that disagree about which of two programs is the real one; data that only a later version reads.
The damage: what was reviewed is not what runs.
The defence: types strictly increase, unknown ones must be marked ignorable, and every digest is compared.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery, Part

UNKNOWN = (13, 15, 18, 31, 33, 255, 256, 2**32 - 1)
NEEDED = (
    fmt.Section.PROG,
    fmt.Section.TENS,
    fmt.Section.IO,
    fmt.Section.LORA,
    fmt.Section.LORA_CONST,
)
FOREIGN = (fmt.Section.LORA, fmt.Section.LORA_CONST, fmt.Section.TRUST)


def with_part(fleet: Fleet, part: Part, at: int | None = None) -> bytes:
    forgery = Forgery.of(fleet.base)
    forgery.parts.insert(len(forgery.parts) if at is None else at, part)
    return forgery.assemble(fleet.release)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    plain = Forgery.of(fleet.base)
    prog = plain.part(fmt.Section.PROG)
    yield Attempt("the program twice", with_part(fleet, prog, 0), ["E_SECTION_ORDER"])
    yield Attempt("the program last", with_part(fleet, prog), ["E_SECTION_ORDER"])
    for kind in (*UNKNOWN, *FOREIGN):
        packet = with_part(fleet, Part(kind, b"x", 0, b"x"))
        yield Attempt(f"type {kind}", packet, ["E_SECTION_UNKNOWN"])
    for missing in NEEDED:
        is_adapter = missing in FOREIGN
        forgery = Forgery.of(fleet.adapter if is_adapter else fleet.base)
        forgery.parts = [part for part in forgery.parts if part.type != missing]
        packet = forgery.assemble(fleet.release)
        yield Attempt(f"without {missing.name}", packet, ["E_SECTION_MISSING"], is_adapter)
    for bit in range(1, 32):
        forgery = Forgery.of(fleet.base)
        forgery.parts[0].fields["flags"] = prog.flags | 1 << bit
        yield Attempt(f"flag {bit}", forgery.assemble(fleet.release), ["E_RESERVED"])
    for name in ("stored_digest", "raw_digest"):
        for i in range(len(plain.parts)):
            forgery = Forgery.of(fleet.base)
            forgery.parts[i].fields[name] = bytes(32)
            packet = forgery.assemble(fleet.release)
            yield Attempt(f"{name} of section {i}", packet, [f"E_{name.upper()}"])
    lie = plain.assemble(fleet.release, content_digest=bytes(32))
    yield Attempt("another content digest", lie, ["E_CONTENT_DIGEST"])
