"""Make a root without the people who may.

The idea: one of three keys was stolen, or the old ones are to be locked out; a new root needs a signature somewhere.
The damage: whoever makes the next root decides about every key of the fleet, for ever.
The defence: version N + 1 has the signatures that N asks for, and those that N + 1 asks for; distinct root keys count,
others do not, and a bad signature of any known key ends it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from tests.attacks.fleet import Fleet
from tests.attacks.roots import (
    ALICE,
    BOB,
    CAROL,
    DAVE,
    RELEASE,
    ROOT,
    STRANGER,
    Key,
    RootAttempt,
    RootForgery,
)
from tests.reference.parts import TYPES, key_id


def attempts(fleet: Fleet) -> Iterator[RootAttempt]:
    first = RootForgery().packet()
    second = RootForgery().after(first)
    yield from _too_few(second, first)
    theirs = replace(second, keys=(Key(DAVE, ROOT), Key(STRANGER, ROOT)))
    by_both = theirs.packet(DAVE, STRANGER)
    yield RootAttempt("signed by the new keys alone", by_both, ["E_SIG_UNKNOWN_KEY"], first)
    by_old = theirs.packet(ALICE, BOB)
    yield RootAttempt("signed by the old keys alone", by_old, ["E_SIG_UNKNOWN_KEY"], first)
    half = theirs.packet(ALICE, BOB, DAVE)
    yield RootAttempt("by the old, and one of two new", half, ["E_SIG_THRESHOLD"], first)
    half = theirs.packet(ALICE, DAVE, STRANGER)
    yield RootAttempt("by the new, and one of two old", half, ["E_SIG_THRESHOLD"], first)
    parts = second.parts(ALICE, BOB)
    parts.payload = TYPES[0]
    yield RootAttempt("signed as a packet", parts.assemble(), ["E_SIG_BAD"], first)
    bad = second.parts(ALICE, BOB)
    bad.signers.append((key_id(RELEASE), b"\x01" * 64))
    yield RootAttempt("a bad one beside two good ones", bad.assemble(), ["E_SIG_BAD"], first)
    twice = second.packet(ALICE, ALICE)
    yield RootAttempt("one key twice", twice, ["E_DUP_SIGNER"], first)


def _too_few(second: RootForgery, first: bytes) -> Iterator[RootAttempt]:
    signers = {
        "one of two": ([ALICE], "E_SIG_THRESHOLD"),
        "one, and a stranger": ([ALICE, STRANGER], "E_SIG_THRESHOLD"),
        "one, and the release key": ([CAROL, RELEASE], "E_SIG_ROLE"),
        "the release key": ([RELEASE], "E_SIG_ROLE"),
        "a stranger": ([STRANGER], "E_SIG_UNKNOWN_KEY"),
    }
    for what, (keys, code) in signers.items():
        yield RootAttempt(what, second.packet(*keys), [code], first)
        alone = RootForgery().packet(*keys)
        yield RootAttempt(f"{what}, of a first root", alone, [code])
