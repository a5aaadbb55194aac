"""Promise less memory and work than the program needs.

The idea: an insider makes a slow policy pass a device's budget by lying in the header.
The damage: ticks that miss their deadline; an arena that is too small.
The defence: the certificate is computed again from the program, and every number must be equal.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for packet, is_adapter in ((fleet.base, False), (fleet.adapter, True)):
        forgery = Forgery.of(packet)
        for name in ("arena_bytes", "state_bytes", "const_bytes", "macs", "cost_units"):
            for delta in (-1, 1):
                told = forgery.header[name] + delta
                if told >= 0:
                    lie = forgery.assemble(fleet.release, **{name: told})
                    what = f"{name} {delta:+}"
                    yield Attempt(what, lie, ["E_CERT_MISMATCH"], is_adapter)
