"""Hand the device a root that does not follow its own.

The idea: an old root still trusts the stolen key; a far one hides that a version in between took a key away; another
company's version 2 is signed by two good keys as well.
The damage: a revocation that never reaches the robot; a fleet that answers to somebody else.
The defence: the next root is one version higher and names the digest of the one before it. Nothing is skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.attacks.fleet import Fleet
from tests.attacks.roots import ALICE, BOB, CAROL, RootAttempt, RootForgery


def attempts(fleet: Fleet) -> Iterator[RootAttempt]:
    first = RootForgery().packet()
    second = RootForgery().after(first)
    ours = second.packet()
    yield RootAttempt("the same again", first, ["E_ROOT_VERSION"], previous=first)
    yield RootAttempt("the one before", first, ["E_ROOT_VERSION"], previous=ours)
    yield RootAttempt("version 2 again", ours, ["E_ROOT_VERSION"], previous=ours)
    for version in (3, 4, 2**32 - 1):
        skipping = replace(second, version=version).packet()
        yield RootAttempt(f"version {version}", skipping, ["E_ROOT_VERSION"], previous=first)
    for version in (0, 2**32, 2**64 - 1):
        packet = replace(second, version=version).packet()
        yield RootAttempt(f"version {version}", packet, ["E_ROOT_FORMAT"], previous=first)
    fork = replace(RootForgery(), revoked=(bytes(32),)).packet()
    others = {
        "of another root": fork[88:120],
        "of itself": ours[88:120],
        "of nothing": bytes(32),
        "one bit off": bytes([first[88] ^ 1]) + first[89:120],
    }
    for what, digest in others.items():
        packet = replace(second, previous=digest).packet()
        yield RootAttempt(f"after the digest {what}", packet, ["E_ROOT_CHAIN"], previous=first)
    child = replace(RootForgery(), previous=first[88:120]).packet()
    yield RootAttempt("a first one with a past", child, ["E_ROOT_CHAIN"])
    yield RootAttempt(
        "a second one without", replace(second, previous=bytes(32)).packet(), ["E_ROOT_CHAIN"]
    )
    lie = second.packet(ALICE, BOB, CAROL, content_digest=first[88:120])
    yield RootAttempt("under the digest of the first", lie, ["E_CONTENT_DIGEST"], previous=first)
