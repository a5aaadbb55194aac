"""Send a genuine packet to the wrong robots.

The idea: a packet for the lab's arm is signed by the same company as the one for the field's.
The damage: a policy that is right for one machine moves another.
The defence: the channel is signed; a device that has one takes packets of that channel only. The same holds for the
audit verdict: a device that wants verified policies refuses others.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for channel in ("field", "Lab", "lab ", "la"):
        yield Attempt(fleet.base, ["E_CHANNEL"], load={"channel": channel})
    yield Attempt(fleet.base, ["E_AUDIT"], load={"require_audit": "verified"})
    yield Attempt(fleet.base, ["E_DEADLINE"], load={"max_cost_units": 100})
    yield Attempt(fleet.base, ["E_MEMORY_CAP"], load={"max_memory_bytes": 64})
