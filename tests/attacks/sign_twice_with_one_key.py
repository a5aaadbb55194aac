"""Count one signature as two.

The idea: the robot wants two of three signatures; one key was stolen, so let it sign twice.
The damage: the second pair of eyes is never asked.
The defence: signer ids are distinct and the number of distinct keys is what counts.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet, Forgery, key_of


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    both = {"trust": fleet.trust(fleet.release, fleet.stranger, threshold=2)}
    yield Attempt("one of two", fleet.base, ["E_SIG_THRESHOLD"], load=both)
    forgery = Forgery.of(fleet.base)
    forgery.signer_ids *= 2
    twice = forgery.assemble(fleet.release, fleet.release)
    yield Attempt("one key twice", twice, ["E_DUP_SIGNER"], load=both)
    yield Attempt("twice where one is enough", twice, ["E_DUP_SIGNER"])
    third = write_packet(fleet.base_draft, [fleet.release, key_of(3)])
    yield Attempt("one known, one unknown", third, ["E_SIG_THRESHOLD"], load=both)
    place = write_packet(fleet.base_draft, [fleet.release], [public_bytes(fleet.stranger)])
    yield Attempt("one signed, one empty place", place, ["E_SIG_THRESHOLD"], load=both)

    def sign(key: object, region: bytes) -> bytes:
        return fleet.release.sign(fmt.pre_authentication(region))

    forgery.signer_ids = [fmt.signer_id(public_bytes(k)) for k in (fleet.release, fleet.stranger)]
    copied = forgery.assemble(fleet.release, fleet.stranger, sign=sign)
    one_of_two = {"trust": fleet.trust(fleet.release, fleet.stranger, threshold=1)}
    for what, trust in (("", both), (", one is enough", one_of_two)):
        yield Attempt(f"one known good, one known bad{what}", copied, ["E_SIG_BAD"], load=trust)
