"""Devices for both verifiers: the same keys or root, the same clock, the same memory of what was confirmed."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import plasma_edge as pe
from plasma_pack.packet.format import channel_id
from plasma_pack.packet.keys import public_bytes
from tests.attacks.fleet import Fleet
from tests.attacks.roots import ADAPTER, ALICE, BASE, BOB, ROOT, Channel, Key, RootForgery
from tests.reference.container import Device, Floor, Install
from tests.reference.root import open_root
from tests.reference.trust import Trust

_MAJOR, _MINOR, _PATCH = map(int, pe.__version__.split("."))
RUNTIME = _MAJOR << 20 | _MINOR << 10 | _PATCH
AUDITS = ("none", "unverified", "verified")
CHANNELS = [channel_id(name) for name in (None, "lab", "field")]
_TIMES = (0, 1, 999, 1000, 1001, 1999, 2000, 2001, 2**63, 2**64 - 1)
_JUMP = 1 << 20
RELEASES = {
    "sequence": (0, 6, 7, 8, _JUMP, _JUMP + 1, 7 + _JUMP, 8 + _JUMP, 2**63, 2**64 - 1),
    "rollback_index": (0, 2, 3, 4, 2**32 - 1),
    "not_before": _TIMES,
    "not_after": _TIMES,
}


class Devices:
    """Draws (arguments of plasma_edge.verify, trust and device of the reference)."""

    def __init__(self, random: Random, fleet: Fleet, digests: list[bytes]) -> None:
        self.random = random
        self.digests = digests
        raw = tuple(public_bytes(key) for key in (fleet.release, fleet.stranger))
        lists = [(fleet.trust(fleet.release), Trust(raw[:1]))] * 8
        for threshold in (1, 2):
            both = fleet.trust(fleet.release, fleet.stranger, threshold=threshold)
            lists.append((both, Trust(raw, threshold)))
        packets = [forgery.packet(ALICE, BOB) for forgery in _roots(fleet, digests)]
        roots = [(pe.TrustStore.from_root(packet), open_root(packet)) for packet in packets]
        self.trusts: list[tuple[Any, Trust]] = lists * 2 + roots

    def draw(self) -> tuple[dict[str, Any], Trust, Device]:
        theirs, ours = self.random.choice(self.trusts)
        channel = self.random.choice((None,) * 30 + ("lab", "field"))
        audit = self.random.choice((0,) * 30 + (1, 2))
        install = self._install() if self.random.random() < 0.3 else None
        given = {"trust": theirs, "channel": channel, "require_audit": AUDITS[audit]}
        device = Device(RUNTIME, channel=channel, require_audit=audit, install=install)
        return given | {"device": _theirs(install)}, ours, device

    def _install(self) -> Install:
        draw = self.random
        return Install(
            draw.choice((None, *_TIMES)),
            draw.choice((0, 0, *_TIMES)),
            draw.random() < 0.5,
            tuple(self._floor() for _ in range(draw.choice((0, 1, 1, 3)))),
        )

    def _floor(self) -> Floor:
        draw = self.random
        return Floor(
            draw.choice(CHANNELS),
            draw.choice((1, 1, 2)),
            draw.choice((0, 0, 7, 2**63)),
            draw.choice((0, 0, 3)),
            draw.choice(self.digests),
            draw.choice((0, 1, 2, 3)),
        )


def _theirs(install: Install | None) -> pe.Device | None:
    if install is None:
        return None
    kinds = {1: "base", 2: "adapter"}
    floors = [
        pe.Floor(
            channel_id=floor.channel_id,
            kind=kinds[floor.kind],
            sequence=floor.sequence,
            rollback_index=floor.rollback_index,
            content_digest=floor.content_digest,
            root_version=floor.root_version,
        )
        for floor in install.floors
    ]
    return pe.Device(
        now=install.now,
        time_floor=install.time_floor,
        strict_clock=install.strict_clock,
        floors=tuple(floors),
    )


def _roots(fleet: Fleet, digests: list[bytes]) -> list[RootForgery]:
    root_keys = (Key(ALICE, ROOT, b"alice"), Key(BOB, ROOT, b"bob"))
    everything = Key(fleet.release, BASE | ADAPTER, b"release")
    root = RootForgery(keys=(*root_keys, everything), thresholds=(1, 1, 2))
    scoped = (
        Channel(b"field", 3),
        Channel(b"lab", 7, sequence_floor=6, rollback_floor=2, reset=2),
    )
    two = (*root_keys, everything, Key(fleet.stranger, BASE, b"stranger"))
    return [
        root,
        root,
        replace(root, issued_at=1000, expires=2000),
        replace(root, channels=scoped),
        replace(root, channels=scoped, version=2, previous=b"\x01" * 32),
        replace(root, keys=two, thresholds=(2, 1, 2)),
        replace(root, keys=(*root_keys, Key(fleet.release, BASE, b"release"))),
        replace(root, keys=(*root_keys, Key(fleet.release, ADAPTER | ROOT, b"release"))),
        replace(root, revoked=tuple(sorted(set(digests[::3])))),
    ]
