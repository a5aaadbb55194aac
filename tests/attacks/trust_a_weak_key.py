"""Get a weak point into the trust store.

The idea: for a public key of small order, signatures that fit any message can be made without a private key.
The damage: one careless line in a key file, and anything verifies.
The defence: such keys, and keys that are not canonical, are refused before any packet is looked at. So is the same key
under two names, which would count as two.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet.keys import public_bytes
from tests.attacks.fleet import Attempt, Fleet

PRIME = 2**255 - 19
SMALL_ORDER = (
    (0).to_bytes(32, "little"),
    (1).to_bytes(32, "little"),
    (PRIME - 1).to_bytes(32, "little"),
    bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"),
    bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"),
)
NOT_CANONICAL = ((PRIME + 1).to_bytes(32, "little"), b"\xff" * 32)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for key in SMALL_ORDER + NOT_CANONICAL:
        yield Attempt(key.hex()[:16], fleet.base, ["E_KEY_INVALID"], load={"trust": key})
    release = public_bytes(fleet.release)
    for size in (0, 31, 33):
        cut = (release * 2)[:size]
        yield Attempt(f"{size} bytes", fleet.base, ["E_KEY_INVALID"], load={"trust": cut})
    twice = {"trust": [release, release]}
    yield Attempt("one key twice", fleet.base, ["E_ARGUMENT"], load=twice)
    yield Attempt("no key", fleet.base, ["E_ARGUMENT"], load={"trust": []})
