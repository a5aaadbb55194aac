"""Put a genuine signature where it does not belong.

The idea: signatures are public; take one from another packet, from another kind of message, or sign the bare bytes.
The damage: a signature made for one thing vouches for another.
The defence: the signature covers a pre-authentication encoding of the whole region that names its type and length.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack import open_packet
from plasma_pack.packet import format as fmt
from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet, Forgery

TRUST_TYPE = b"application/vnd.plasma-edge.trust.v1"
ORDER = 2**252 + 27742317777372353535851937790883648493


def of_a_trust_root(key: Ed25519PrivateKey, region: bytes) -> bytes:
    return key.sign(b"DSSEv1 %d %s %d " % (len(TRUST_TYPE), TRUST_TYPE, len(region)) + region)


def with_large_s(key: Ed25519PrivateKey, region: bytes) -> bytes:
    """The same signature with S + L: what a lax verifier takes for another valid one."""
    good = key.sign(fmt.pre_authentication(region))
    s = int.from_bytes(good[32:], "little") + ORDER
    return good[:32] + s.to_bytes(32, "little")


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    forgery = Forgery.of(fleet.base)
    other = write_packet(replace(fleet.base_draft, sequence=99), [fleet.release])
    borrowed = open_packet(other).signatures[0]
    makers = (
        lambda key, region: borrowed,
        lambda key, region: key.sign(region),
        lambda key, region: key.sign(fmt.pre_authentication(region)[1:]),
        lambda key, region: fleet.stranger.sign(fmt.pre_authentication(region)),
        lambda key, region: b"\x01" + bytes(63),
        of_a_trust_root,
        with_large_s,
    )
    for maker in makers:
        yield Attempt(forgery.assemble(fleet.release, sign=maker), ["E_SIG_BAD"])
