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
    yield Attempt("a stranger's base", stranger, ["E_SIG_UNKNOWN_KEY"])
    adapter = write_packet(fleet.adapter_draft, [fleet.stranger])
    yield Attempt("a stranger's adapter", adapter, ["E_SIG_UNKNOWN_KEY"], is_adapter=True)
    forgery = Forgery.of(fleet.base)
    claimed = forgery.assemble(fleet.stranger)
    yield Attempt("under the release key's id", claimed, ["E_SIG_BAD"])
    unsigned = forgery.assemble(fleet.release, sign=lambda key, region: fmt.ABSENT_SIGNATURE)
    yield Attempt("the id without a signature", unsigned, ["E_SIG_THRESHOLD"])
    both = write_packet(fleet.base_draft, [fleet.stranger], [public_bytes(fleet.release)])
    yield Attempt("beside an empty place", both, ["E_SIG_THRESHOLD"])
