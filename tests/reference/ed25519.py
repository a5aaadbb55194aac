"""Ed25519 as RFC 8032 has it, strict: S < L, no point of small order, none that is not canonical.

OpenSSL (by way of `cryptography`) refuses S >= L and compares R as bytes; points of small order are refused here.
"""

from __future__ import annotations

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, -1, _P) % _P
_Y8 = int.from_bytes(
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
)
_SMALL_ORDER = {0, 1, _P - 1, _Y8, _P - _Y8}


def is_good(signature: bytes, message: bytes, key: bytes) -> bool:
    """Is this a signature of the message by a key that `is_valid_key` accepts?"""
    if _y(signature[:32]) % _P in _SMALL_ORDER:
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, message)
    except InvalidSignature:
        return False
    return True


@lru_cache(maxsize=4096)
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
