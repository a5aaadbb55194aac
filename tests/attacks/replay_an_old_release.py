"""Bring back a genuine release that was replaced, burnt or revoked; or one from the future.

The idea: every packet that was ever signed can be copied, and sent again when it suits; and a number can be made so
large that nothing comes after it.
The damage: a fault that was mended flies again; a fleet that takes no update any more.
The defence: sequence and rollback index against what the device confirmed and what the root asks for, a limit on jumps,
dates against a clock that does not go back, and revoked contents, which do not even run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import plasma_edge as pe
from plasma_pack.packet.format import channel_id
from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Fleet
from tests.attacks.roots import ALICE, RELEASE, Channel, InstallAttempt, RootForgery

JUMP = 1 << 20
OTHER = b"\x07" * 32


def floor(fleet: Fleet, sequence: int = 7, rollback: int = 3, **more: object) -> pe.Floor:
    digest = fleet.base_draft.content_digest
    facts = {"content_digest": digest, "root_version": 1} | more
    return pe.Floor(channel_id("lab"), "base", sequence, rollback, **facts)


def attempts(fleet: Fleet) -> Iterator[InstallAttempt]:
    root = RootForgery().packet()
    device = pe.Device(now=1000, floors=(floor(fleet),))
    for what, fields, code in (
        ("an older one", {"sequence": 6, "rollback_index": 3}, "E_STALE_SEQ"),
        ("the oldest", {"sequence": 0, "rollback_index": 3}, "E_STALE_SEQ"),
        ("a burnt one", {"sequence": 8, "rollback_index": 2}, "E_ROLLBACK"),
        ("one of the far future", {"sequence": 8 + JUMP, "rollback_index": 3}, "E_SEQUENCE_JUMP"),
        ("the last one", {"sequence": 2**64 - 1, "rollback_index": 3}, "E_SEQUENCE_JUMP"),
        ("early", {"sequence": 8, "rollback_index": 3, "not_before": 1001}, "E_NOT_YET_VALID"),
        ("of never", {"sequence": 8, "rollback_index": 3, "not_before": 2**63}, "E_NOT_YET_VALID"),
        ("expired", {"sequence": 8, "rollback_index": 3, "not_after": 1000}, "E_EXPIRED"),
        ("long expired", {"sequence": 8, "rollback_index": 3, "not_after": 1}, "E_EXPIRED"),
    ):
        packet = write_packet(replace(fleet.base_draft, **fields), [RELEASE])
        yield InstallAttempt(what, packet, [code], root, device)
    again = write_packet(replace(fleet.base_draft, sequence=7, rollback_index=3), [RELEASE])
    other = pe.Device(now=1000, floors=(floor(fleet, content_digest=OTHER),))
    yield InstallAttempt("another content, same number", again, ["E_STALE_SEQ"], root, other)
    yield from _clocks(fleet)
    yield from _roots(fleet, again)


def _clocks(fleet: Fleet) -> Iterator[InstallAttempt]:
    """The clock was set back, or there is none."""
    dated = write_packet(replace(fleet.base_draft, not_before=500, not_after=1000), [RELEASE])
    root = RootForgery()
    for what, device, code in (
        ("a clock set back", pe.Device(now=600, time_floor=1000), "E_EXPIRED"),
        ("a clock of 1970", pe.Device(now=0, time_floor=1000), "E_EXPIRED"),
        ("a clock before the packet", pe.Device(now=499), "E_NOT_YET_VALID"),
        ("no clock, too late for certain", pe.Device(time_floor=1000), "E_EXPIRED"),
        ("no clock, and strict", pe.Device(time_floor=600, strict_clock=True), "E_NO_CLOCK"),
        ("the last second", pe.Device(now=2**64 - 1), "E_EXPIRED"),
    ):
        yield InstallAttempt(what, dated, [code], root.packet(), device)
    issued = replace(root, issued_at=1000).packet()
    older = pe.Device(now=600)
    yield InstallAttempt("a clock before the root", dated, ["E_EXPIRED"], issued, older)
    ended = replace(root, expires=900).packet()
    for what, device, code in (
        ("a root that ended", pe.Device(now=900), "E_EXPIRED"),
        ("a root with an end, no clock", pe.Device(strict_clock=True), "E_NO_CLOCK"),
    ):
        yield InstallAttempt(what, fleet.base, [code], ended, device)


def _roots(fleet: Fleet, again: bytes) -> Iterator[InstallAttempt]:
    """What the root asks for, whatever the device has confirmed."""
    fresh = pe.Device(now=1000)
    everyone = 0x1F
    for what, channel, device, code in (
        ("below the root's floor", Channel(b"lab", everyone, 8, 3), fresh, "E_STALE_SEQ"),
        ("burnt by the root", Channel(b"lab", everyone, 7, 4), fresh, "E_ROLLBACK"),
        (
            "below what was confirmed before a reset that is older",
            Channel(b"lab", everyone, 0, 0, 1),
            pe.Device(now=1000, floors=(floor(fleet, 9),)),
            "E_STALE_SEQ",
        ),
        (
            "below the floor that a reset leaves",
            Channel(b"lab", everyone, 8, 3, 2),
            pe.Device(now=1000, floors=(floor(fleet, 7 + JUMP),)),
            "E_STALE_SEQ",
        ),
    ):
        root = replace(RootForgery(), channels=(channel,)).packet()
        yield InstallAttempt(what, again, [code], root, device)
    digests = (fleet.base_draft.content_digest, fleet.adapter_draft.content_digest)
    root = replace(RootForgery(), revoked=tuple(sorted(digests))).packet()
    for what, device in (("to run", None), ("to install", fresh)):
        yield InstallAttempt(f"revoked, {what}", again, ["E_REVOKED"], root, device)
    elsewhere = replace(RootForgery(), channels=(Channel(b"field", everyone),)).packet()
    yield InstallAttempt("elsewhere", again, ["E_SIG_ROLE"], elsewhere, fresh)
    by_root = write_packet(fleet.base_draft, [ALICE])
    yield InstallAttempt("by a root key", by_root, ["E_SIG_ROLE"], elsewhere, fresh)
