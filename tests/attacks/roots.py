"""Trust roots to attack with: any section TRUST, in any header, signed by anyone."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PlasmaError
from plasma_pack.packet.keys import public_bytes
from tests.attacks.fleet import Fleet, key_of
from tests.reference.container import FIELDS
from tests.reference.parts import TYPES, Parts, Section
from tests.reference.sections import TRUST

BASE, ADAPTER, ROOT = 1, 2, 4
ALICE, BOB, CAROL, DAVE, LINE = (key_of(number) for number in range(11, 16))
RELEASE, STRANGER = key_of(1), key_of(2)


@dataclass(frozen=True)
class Key:
    key: Ed25519PrivateKey | bytes
    roles: int
    name: bytes = b"key"
    zero: int = 0

    def pack(self) -> bytes:
        raw = self.key if isinstance(self.key, bytes) else public_bytes(self.key)
        return struct.pack("<32sBB30s", raw, self.roles, self.zero, self.name)


@dataclass(frozen=True)
class Channel:
    name: bytes
    keys: int = 0xFFFF
    sequence_floor: int = 0
    rollback_floor: int = 0
    reset: int = 0
    zero: int = 0

    def pack(self) -> bytes:
        floors = (self.sequence_floor, self.rollback_floor, self.reset)
        return struct.pack("<QIIHH44s", *floors, self.keys, self.zero, self.name)


@dataclass(frozen=True)
class RootForgery:
    """Two of alice, bob and carol make roots; the release key signs bases, the line's key adapters."""

    version: int = 1
    issued_at: int = 0
    expires: int = 0
    previous: bytes = bytes(32)
    keys: tuple[Key, ...] = (
        Key(ALICE, ROOT, b"alice"),
        Key(BOB, ROOT, b"bob"),
        Key(CAROL, ROOT, b"carol"),
        Key(RELEASE, BASE, b"release"),
        Key(LINE, ADAPTER, b"line"),
    )
    thresholds: tuple[int, int, int] = (1, 1, 2)  # base, adapter, root
    channels: tuple[Channel, ...] = ()
    revoked: tuple[bytes, ...] = ()
    counts: dict[int, int] = field(default_factory=dict)  # lies: what byte of the head says what

    def section(self) -> bytes:
        head = bytearray(
            struct.pack(
                "<BBH3B9x",
                len(self.keys),
                len(self.channels),
                len(self.revoked),
                *self.thresholds,
            )
        )
        for at, value in self.counts.items():
            head[at] = value
        rows = [row.pack() for row in (*self.keys, *self.channels)]
        return b"".join([bytes(head), *rows, *self.revoked])

    def parts(self, *signers: Ed25519PrivateKey) -> Parts:
        header: dict[str, Any] = dict.fromkeys(FIELDS, 0)
        header |= {
            "magic": b"\x89PLMA\r\n\x1a",
            "format_major": 1,
            "kind": 3,
            "header_len": 256,
            "sequence": self.version,
            "not_before": self.issued_at,
            "not_after": self.expires,
            "channel_id": bytes(16),
            "base_digest": self.previous,
            "reserved": bytes(8),
            "reserved_tail": bytes(52),
            "opset": 1,
        }
        raw = self.section()
        return Parts(header, b"", [Section(TRUST, 0, raw, raw)], list(signers), payload=TYPES[1])

    def packet(self, *signers: Ed25519PrivateKey, **header: Any) -> bytes:
        parts = self.parts(*signers or (ALICE, BOB))
        parts.lies = header
        return parts.assemble()

    def after(self, packet: bytes) -> RootForgery:
        """The version that follows that packet."""
        version = int.from_bytes(packet[40:48], "little") + 1
        return replace(self, version=version, previous=packet[88:120])


@dataclass(frozen=True)
class RootAttempt:
    """A hostile root, for a device that has another one or, with previous None, none."""

    what: str
    root: bytes
    codes: Sequence[str]
    previous: bytes | None = None

    def outcome(self, fleet: Fleet, robot: pe.Policy) -> str:
        try:
            pe.verify_root(self.root, previous=self.previous)
        except PlasmaError as error:
            return error.code
        return ""

    def is_refused(self, outcome: str) -> bool:
        return outcome in self.codes


@dataclass(frozen=True)
class InstallAttempt:
    """A genuine packet, for a device that must not install it."""

    what: str
    packet: bytes
    codes: Sequence[str]
    trust: Any
    device: Any  # pe.Device, or None to run only

    def outcome(self, fleet: Fleet, robot: pe.Policy) -> str:
        try:
            pe.verify(self.packet, trust=self.trust, device=self.device)
        except PlasmaError as error:
            return error.code
        return ""

    def is_refused(self, outcome: str) -> bool:
        return outcome in self.codes
