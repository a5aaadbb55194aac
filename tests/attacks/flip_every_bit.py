"""Flip one bit, anywhere.

The idea: a bad memory card, a cosmic ray, or someone with a hex editor and no key.
The damage: a weight with the wrong sign; a limit a thousand times too wide.
The defence: every byte is signed, or covered by a digest, or required to be a fixed value.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet

ANY = ("E_",)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    yield from _flips(fleet.base)
    yield from _flips(fleet.adapter, is_adapter=True)


def exhaustive(fleet: Fleet) -> Iterator[Attempt]:
    """Of a packet of almost 64 KiB."""
    yield from _flips(fleet.large)


def _flips(packet: bytes, *, is_adapter: bool = False) -> Iterator[Attempt]:
    for bit in range(8 * len(packet)):
        damaged = bytearray(packet)
        damaged[bit // 8] ^= 1 << bit % 8
        yield Attempt(f"bit {bit}", bytes(damaged), ANY, is_adapter)
