"""Set one byte of the header or the section table to any other value.

The idea: someone without a key tries what the fields mean, one after the other, and mends the trailer.
The damage: a count, a length or an offset that a parser believes before it knows who wrote it.
The defence: fixed offsets and bounded counts, then a signature over every byte of header and table.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack import open_packet
from tests.attacks.fleet import Attempt, Fleet, overwrite

ANY = ("E_",)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    """The values that parsers trip over."""
    for value in (0x00, 0x01, 0x7F, 0x80, 0xFF):
        yield from _set(fleet.base, value)
        yield from _set(fleet.adapter, value, is_adapter=True)


def exhaustive(fleet: Fleet) -> Iterator[Attempt]:
    """All of them."""
    for value in range(256):
        yield from _set(fleet.base, value)
        yield from _set(fleet.adapter, value, is_adapter=True)


def _set(packet: bytes, value: int, *, is_adapter: bool = False) -> Iterator[Attempt]:
    for at in range(open_packet(packet).header.signed_len):
        if packet[at] != value:
            changed = overwrite(packet, at, bytes([value]))
            yield Attempt(f"byte {at} = {value}", changed, ANY, is_adapter)
