"""Count one signature as two.

The idea: the robot wants two of three signatures; one key was stolen, so let it sign twice.
The damage: the second pair of eyes is never asked.
The defence: signer ids are distinct and the number of distinct keys is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet, Forgery, key_of


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    two_of_two = {"trust": fleet.trust(fleet.release, fleet.stranger, threshold=2)}
    yield Attempt(fleet.base, ["E_SIG_THRESHOLD"], load=two_of_two)
    forgery = Forgery.of(fleet.base)
    forgery.signer_ids *= 2
    twice = forgery.assemble(fleet.release, fleet.release)
    yield Attempt(twice, ["E_DUP_SIGNER"], load=two_of_two)
    third = write_packet(fleet.base_draft, [fleet.release, key_of(3)])
    yield Attempt(third, ["E_SIG_THRESHOLD"], load=two_of_two)
