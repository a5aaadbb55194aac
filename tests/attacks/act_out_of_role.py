"""Sign with a good key what that key may not sign.

The idea: the key that signs adapters lies on a server; whoever breaks in signs a base with it, or for another line.
The damage: the weakest key of a fleet is worth as much as the strongest.
The defence: a root says for what and in which channels a key counts. A good signature out of role counts for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Fleet
from tests.attacks.roots import (
    ALICE,
    BASE,
    DAVE,
    LINE,
    RELEASE,
    Channel,
    InstallAttempt,
    Key,
    RootForgery,
)

RELEASE_BIT, LINE_BIT = 1 << 3, 1 << 4


def attempts(fleet: Fleet) -> Iterator[InstallAttempt]:
    root = RootForgery()
    base, adapter = fleet.base_draft, fleet.adapter_draft
    for what, draft, keys, code in (
        ("the line's key on a base", base, [LINE], "E_SIG_ROLE"),
        ("a root key on a base", base, [ALICE], "E_SIG_ROLE"),
        ("both on a base", base, [LINE, ALICE], "E_SIG_ROLE"),
        ("the release key on an adapter", adapter, [RELEASE], "E_SIG_ROLE"),
        ("a stranger on a base", base, [DAVE], "E_SIG_UNKNOWN_KEY"),
    ):
        yield InstallAttempt(what, write_packet(draft, keys), [code], root.packet(), None)
    two = replace(root, keys=(*root.keys, Key(DAVE, BASE)), thresholds=(2, 1, 2)).packet()
    for what, keys, code in (
        ("one of two", [RELEASE], "E_SIG_THRESHOLD"),
        ("one of two, and the line's", [RELEASE, LINE], "E_SIG_ROLE"),
    ):
        yield InstallAttempt(what, write_packet(base, keys), [code], two, None)
    scoped = replace(
        root, channels=(Channel(b"field", RELEASE_BIT | LINE_BIT), Channel(b"lab", LINE_BIT))
    ).packet()
    for channel in ("lab", "garage", "Field", None):
        packet = write_packet(replace(base, channel=channel), [RELEASE])
        yield InstallAttempt(f"in {channel}", packet, ["E_SIG_ROLE"], scoped, None)
    as_policy = root.packet()
    yield InstallAttempt("a root as a policy", as_policy, ["E_KIND"], as_policy, None)
