"""Step 3 of FORMAT.md: Ed25519 as RFC 8032 has it, strict, over the pre-authentication encoding of DSSE.

OpenSSL (by way of `cryptography`) refuses S >= L and compares R as bytes; points of small order are refused here.
"""

from __future__ import annotations

from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tests.reference.container import ROOT, Container, digest, require

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Y8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER = {0, 1, _P - 1, _Y8, _P - _Y8}
_PACKET = b"application/vnd.plasma-edge.packet.v1"
_TRUST = b"application/vnd.plasma-edge.trust.v1"


@dataclass(frozen=True)
class Trust:
    """Public keys (32 bytes each), and how many distinct ones must have signed."""

    keys: tuple[bytes, ...]
    threshold: int = 1


def check_signatures(container: Container, trust: Trust) -> None:
    """Step 3."""
    count = container.header["signer_count"]
    ids = [container.data[256 + 16 * i : 272 + 16 * i] for i in range(count)]
    require(len(set(ids)) == count, "E_DUP_SIGNER")
    region = container.data[: container.header["signed_len"]]
    payload = _TRUST if container.kind == ROOT else _PACKET
    message = b"DSSEv1 %d %s %d " % (len(payload), payload, len(region)) + region
    held = {digest(b"plasma-edge key v1\0" + key)[:16]: key for key in trust.keys}
    known = [i for i in range(count) if ids[i] in held]
    good = 0
    for i in known:
        at = container.signatures_at + 64 * i
        signature = container.data[at : at + 64]
        if not any(signature):
            continue
        require(is_good(signature, message, held[ids[i]]), "E_SIG_BAD")
        good += 1
    require(bool(known), "E_SIG_UNKNOWN_KEY")
    require(good >= trust.threshold, "E_SIG_THRESHOLD")


def is_good(signature: bytes, message: bytes, key: bytes) -> bool:
    """Is this a signature of the message by a key that `is_valid_key` accepts?"""
    if _y(signature[:32]) % _P in _SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


def is_valid_key(key: bytes) -> bool:
    """A canonical point of the curve, of the large prime order."""
    y = _y(key)
    if len(key) != 32 or y >= _P or y in _SMALL_ORDER:
        return False
    x = _x(y, key[31] >> 7)
    return x is not None and _times(_L, (x, y)) == (0, 1)


def _y(point: bytes) -> int:
    return int.from_bytes(point, "little") & (1 << 255) - 1


def _x(y: int, sign: int) -> int | None:
    square = (y * y - 1) * pow(_D * y * y + 1, -1, _P) % _P
    x = pow(square, (_P + 3) // 8, _P)
    if x * x % _P != square:
        x = x * pow(2, (_P - 1) // 4, _P) % _P
    if x * x % _P != square:
        return None
    return x if x & 1 == sign else _P - x


Point = tuple[int, int]


def _times(factor: int, point: Point) -> Point:
    total = (0, 1)
    for bit in f"{factor:b}":
        total = _add(total, total)
        if bit == "1":
            total = _add(total, point)
    return total


def _add(a: Point, b: Point) -> Point:
    product = _D * a[0] * b[0] * a[1] * b[1]
    x = (a[0] * b[1] + a[1] * b[0]) * pow(1 + product, -1, _P) % _P
    y = (a[1] * b[1] + a[0] * b[0]) * pow(1 - product, -1, _P) % _P
    return x, y
