"""Let two lengths say different things.

The idea: one part of a reader goes by one length, another by the other.
The damage: what was signed is not what is read.
The defence: every length follows from the counts, or is that of the file; none is a choice.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet, Forgery, seal


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    forgery = Forgery.of(fleet.base)
    signed_len = len(forgery.manifest) + 256 + 16 + 96 * len(forgery.parts)
    for value in (0, 256, signed_len - 1, signed_len + 1, signed_len + 96, 2**32 - 1):
        packet = forgery.assemble(fleet.release, signed_len=value)
        yield Attempt(f"signed_len {value}", packet, ["E_LAYOUT"])
    size = len(fleet.base)
    for value in (size + 1, size + 64, 2**32, 2**63, 2**64 - 1):
        packet = forgery.assemble(fleet.release, file_len=value)
        yield Attempt(f"file_len {value}", packet, ["E_TRUNCATED"])
    for value in (0, 256, size - 64, size - 1):
        packet = forgery.assemble(fleet.release, file_len=value)
        yield Attempt(f"file_len {value}", packet, ["E_TRAILING"])
    # True lengths, but of a file that ends before its signatures could.
    for value in (320, 384, 1024):
        whole = forgery.assemble(fleet.release, file_len=value)
        yield Attempt(f"a file of {value}", seal(whole[: value - 40]), ["E_LAYOUT"])
    for name, delta in (("section_count", 1), ("section_count", -1), ("manifest_len", 1)):
        told = {"section_count": len(forgery.parts), "manifest_len": len(forgery.manifest)}[name]
        packet = forgery.assemble(fleet.release, **{name: told + delta})
        yield Attempt(f"{name} {delta:+}", packet, ["E_LAYOUT"])
