"""Make a second signature of a genuine one, or one that fits every message.

The idea: Ed25519 leaves freedom to careless verifiers: S + L beside S, points of small order, encodings that are not
canonical. The holder of a key can make some of them, anyone others.
The damage: two devices disagree about one packet; a signature that was never made is good.
The defence: strict verification: S < L, no point of small order, R compared as bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from tests.attacks.fleet import Attempt, Fleet, Forgery
from tests.attacks.trust_a_weak_key import NOT_CANONICAL, PRIME, SMALL_ORDER

ORDER = 2**252 + 27742317777372353535851937790883648493
IDENTITIES = {
    "the identity": (1).to_bytes(32, "little"),
    "the identity, negative": (1 | 1 << 255).to_bytes(32, "little"),
    "the identity, not canonical": (PRIME + 1).to_bytes(32, "little"),
}


def with_scalar(change: Callable[[int], int]) -> Callable[[Ed25519PrivateKey, bytes], bytes]:
    def sign(key: Ed25519PrivateKey, region: bytes) -> bytes:
        good = key.sign(fmt.pre_authentication(region))
        return good[:32] + change(int.from_bytes(good[32:], "little")).to_bytes(32, "little")

    return sign


def with_commitment(point: bytes) -> Callable[[Ed25519PrivateKey, bytes], bytes]:
    """R = 0·B: the equation S·B = R + k·A holds, for the holder of the key knows S = k·a."""

    def sign(key: Ed25519PrivateKey, region: bytes) -> bytes:
        secret = bytearray(hashlib.sha512(key.private_bytes_raw()).digest()[:32])
        secret[0] &= 248
        secret[31] = secret[31] & 63 | 64
        text = point + public_bytes(key) + fmt.pre_authentication(region)
        k = int.from_bytes(hashlib.sha512(text).digest(), "little")
        s = k * int.from_bytes(secret, "little") % ORDER
        return point + s.to_bytes(32, "little")

    return sign


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    forgery = Forgery.of(fleet.base)
    makers = {
        "S + L": with_scalar(lambda s: s + ORDER),
        "L - S": with_scalar(lambda s: ORDER - s),
        "S = 0": with_scalar(lambda s: 0),
        "S with high bits": with_scalar(lambda s: s | 7 << 253),
        **{f"R is {name}": with_commitment(point) for name, point in IDENTITIES.items()},
    }
    for point in SMALL_ORDER + NOT_CANONICAL:
        makers[f"R is {point.hex()[:8]}, S = 0"] = lambda key, region, point=point: (
            point + bytes(31) + (b"\x01" if not any(point) else b"\0")
        )
    for what, maker in makers.items():
        yield Attempt(what, forgery.assemble(fleet.release, sign=maker), ["E_SIG_BAD"])
