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


def of_a_trust_root(key: Ed25519PrivateKey, region: bytes) -> bytes:
    return key.sign(b"DSSEv1 %d %s %d " % (len(TRUST_TYPE), TRUST_TYPE, len(region)) + region)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    forgery = Forgery.of(fleet.base)
    other = write_packet(replace(fleet.base_draft, sequence=99), [fleet.release])
    borrowed = open_packet(other).signatures[0]
    makers = {
        "of another packet": lambda key, region: borrowed,
        "over the bare bytes": lambda key, region: key.sign(region),
        "over a longer prefix": lambda key, region: key.sign(b" " + fmt.pre_authentication(region)),
        "over a shorter prefix": lambda key, region: key.sign(fmt.pre_authentication(region)[1:]),
        "by the stranger": lambda key, region: fleet.stranger.sign(fmt.pre_authentication(region)),
        "over a trust root": of_a_trust_root,
    }
    for what, maker in makers.items():
        yield Attempt(what, forgery.assemble(fleet.release, sign=maker), ["E_SIG_BAD"])
