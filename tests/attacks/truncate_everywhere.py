"""Cut the file off, at any length.

The idea: the battery dies in the middle of a download.
The damage: half a policy flies, with the other half zero.
The defence: the header says how long the file is, and the end of the file is checked before anything is believed.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    yield from _cuts(fleet.base)
    yield from _cuts(fleet.adapter, is_adapter=True)


def exhaustive(fleet: Fleet) -> Iterator[Attempt]:
    """Of a packet of almost 64 KiB."""
    yield from _cuts(fleet.large)


def _cuts(packet: bytes, *, is_adapter: bool = False) -> Iterator[Attempt]:
    for length in range(len(packet)):
        code = "E_MAGIC" if length < 8 else "E_TRUNCATED"
        yield Attempt(f"{length} bytes", packet[:length], [code], is_adapter)
