"""Sign a root that says too much, or nothing.

The idea: an insider with enough root keys, or a faulty tool, makes a root that two readers understand differently.
The damage: a threshold of 0 needs no signature; a key twice counts as two; a key of small order fits every message.
The defence: every byte of a root has one meaning, lists are in one order, and what a device cannot mean it refuses.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.attacks.fleet import Fleet
from tests.attacks.roots import (
    ALICE,
    BASE,
    BOB,
    DAVE,
    RELEASE,
    ROOT,
    Channel,
    Key,
    RootAttempt,
    RootForgery,
)
from tests.attacks.trust_a_weak_key import NOT_CANONICAL, SMALL_ORDER
from tests.reference.parts import Parts, Section
from tests.reference.sections import AUDIT, TRUST

FORMAT = ["E_ROOT_FORMAT"]


def attempts(fleet: Fleet) -> Iterator[RootAttempt]:
    good = RootForgery()
    for what, forgery in _malformed(good).items():
        yield RootAttempt(what, forgery.packet(), FORMAT)
    for raw in SMALL_ORDER + NOT_CANONICAL:
        weak = replace(good, keys=(*good.keys, Key(raw, BASE)))
        yield RootAttempt(f"key {raw.hex()[:8]}", weak.packet(), ["E_KEY_INVALID"])
    twice = replace(good, keys=(*good.keys, Key(RELEASE, ROOT)))
    yield RootAttempt("a key twice", twice.packet(), ["E_KEY_DUPLICATE"])
    for name in ("rollback_index", "arena_bytes", "state_bytes", "const_bytes", "macs"):
        yield RootAttempt(name, good.packet(ALICE, BOB, **{name: 1}), FORMAT)
    for name, value in (("cost_units", 1), ("min_runtime", 1), ("opset", 2)):
        yield RootAttempt(name, good.packet(ALICE, BOB, **{name: value}), FORMAT)
    yield RootAttempt("of a channel", good.packet(ALICE, BOB, channel_id=b"\x01" * 16), FORMAT)
    yield RootAttempt("with adapters", good.packet(ALICE, BOB, max_adapters=1), ["E_LIMIT"])
    yield RootAttempt("audited", good.packet(ALICE, BOB, audit_verdict=2), ["E_AUDIT_FORMAT"])
    for what, (parts, code) in _sections(good).items():
        yield RootAttempt(what, parts.assemble(), [code])
    for kind in (1, 2):
        yield RootAttempt(f"kind {kind}", good.packet(ALICE, BOB, kind=kind), ["E_KIND"])
    yield RootAttempt("a policy", fleet.base, ["E_KIND"])
    yield RootAttempt("too long", good.packet() + bytes(65_536), ["E_TOO_LARGE"])


def _malformed(good: RootForgery) -> dict[str, RootForgery]:
    a, b = Channel(b"a", 1), Channel(b"b", 1)
    low, high = bytes(31) + b"\x01", bytes(31) + b"\x02"
    changes: dict[str, dict[str, object]] = {
        f"thresholds {t}": {"thresholds": t}
        for t in ((0, 1, 2), (1, 0, 2), (1, 1, 0), (2, 1, 2), (1, 2, 2), (1, 1, 4), (255, 255, 255))
    }
    changes |= {f"byte {at} of the head": {"counts": {at: 1}} for at in range(7, 16)}
    changes |= {
        "no keys": {"counts": {0: 0}},
        "17 keys": {"keys": good.keys + tuple(Key(bytes([i]), BASE) for i in range(12))},
        "65 channels": {"channels": tuple(Channel(b"%02d" % i, 1) for i in range(65))},
        "257 revocations": {"revoked": tuple(i.to_bytes(32, "big") for i in range(257))},
        "a key more than there is": {"counts": {0: 6}},
        "a channel more than there is": {"counts": {1: 1}},
        "a revocation more than there is": {"counts": {2: 1}},
        "no root key": {"keys": (Key(ALICE, BASE), Key(BOB, BASE)), "thresholds": (1, 1, 1)},
        "a key without a role": {"keys": (*good.keys, Key(DAVE, 0))},
        "a role that is none": {"keys": (*good.keys, Key(DAVE, 8))},
        "a reserved byte of a key": {"keys": (*good.keys, Key(DAVE, BASE, zero=1))},
        "a name that goes on": {"keys": (*good.keys, Key(DAVE, BASE, b"a\0b"))},
        "a name of escapes": {"keys": (*good.keys, Key(DAVE, BASE, b"\x1b[2J"))},
        "a channel without a name": {"channels": (Channel(b"", 1),)},
        "a channel's name of escapes": {"channels": (Channel(b"\x1b[2J", 1),)},
        "a channel of keys that are not": {"channels": (Channel(b"a", 32),)},
        "reserved bytes of a channel": {"channels": (Channel(b"a", 1, zero=1),)},
        "channels out of order": {"channels": (b, a)},
        "a channel twice": {"channels": (a, a)},
        "revocations out of order": {"revoked": (high, low)},
        "a revocation twice": {"revoked": (low, low)},
    }
    return {what: replace(good, **fields) for what, fields in changes.items()}  # type: ignore[arg-type]


def _sections(good: RootForgery) -> dict[str, tuple[Parts, str]]:
    longer, cut, packed, audited, bare = (good.parts(ALICE, BOB) for _ in range(5))
    raw = good.section()
    longer.sections[0].replace(raw + b"\0")
    cut.sections[0].replace(raw[:15])
    packed.sections[0].lies["flags"] = 1
    audited.sections.insert(0, Section(AUDIT, 0, bytes(4), bytes(4)))
    bare.sections[0].type = TRUST - 1
    return {
        "a byte behind": (longer, "E_ROOT_FORMAT"),
        "half a head": (cut, "E_ROOT_FORMAT"),
        "compressed": (packed, "E_RESERVED"),
        "with findings": (audited, "E_SECTION_UNKNOWN"),
        "of another type": (bare, "E_SECTION_UNKNOWN"),
    }
