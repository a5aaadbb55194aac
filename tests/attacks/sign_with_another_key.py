"""Sign properly, with a key that nobody trusts; or do not sign at all.

The idea: the format is public and so are the tools; anyone can make a perfectly formed packet.
The damage: whoever reaches the robot's update port flies it.
The defence: only keys in the robot's own trust store count, and one of them must have signed.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    stranger = write_packet(fleet.base_draft, [fleet.stranger])
    yield Attempt(stranger, ["E_SIG_UNKNOWN_KEY"])
    adapter = write_packet(fleet.adapter_draft, [fleet.stranger])
    yield Attempt(adapter, ["E_SIG_UNKNOWN_KEY"], is_adapter=True)
    # Claims the release key's id, cannot make its signature.
    forgery = Forgery.of(fleet.base)
    yield Attempt(forgery.assemble(fleet.stranger), ["E_SIG_BAD"])
    # Claims the id and leaves the signature out.
    unsigned = forgery.assemble(fleet.release, sign=lambda key, region: fmt.ABSENT_SIGNATURE)
    yield Attempt(unsigned, ["E_SIG_THRESHOLD"])
    # Adds his own signature beside a place for the release key.
    both = write_packet(fleet.base_draft, [fleet.stranger], [public_bytes(fleet.release)])
    yield Attempt(both, ["E_SIG_THRESHOLD"])
