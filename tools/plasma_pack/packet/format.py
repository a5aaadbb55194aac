# SPDX-License-Identifier: Apache-2.0
"""The numbers of cpp/packet/FORMAT.md: offsets, limits, types and digests, and nothing that reads
or writes files.
"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import IntEnum

MAGIC = b"\x89PLMA\r\n\x1a"
TRAILER_MAGIC = b"PLMAEND\n"
PACKET_TYPE = "application/vnd.plasma-edge.packet.v1"
TRUST_TYPE = "application/vnd.plasma-edge.trust.v1"
FORMAT_VERSION = (1, 0)
OPSET = 1
MIN_RUNTIME = 1 << 10  # 0.1.0 is the first runtime with opset 1

HEADER_BYTES = 256
SIGNER_ID_BYTES = 16
RECORD_BYTES = 96
SIGNATURE_BYTES = 64
TRAILER_BYTES = 40
ALIGNMENT = 64

MAX_SECTIONS = 16
MAX_SIGNERS = 8
MAX_MANIFEST_BYTES = 16_384
MAX_ADAPTERS = 16
MAX_RANK = 1_024
MAX_FILE_BYTES = 1 << 28
MAX_ZSTD_WINDOW = 1 << 20
MAX_AUDIT_BYTES = 16_384
MAX_GOLD_BYTES = 262_144
MAX_GOLD_CASES = 16

FLAG_ZSTD = 1
FLAG_IGNORABLE = 2
ABSENT_SIGNATURE = bytes(SIGNATURE_BYTES)


class Kind(IntEnum):
    """What a packet is."""

    BASE = 1
    ADAPTER = 2
    TRUST_ROOT = 3


class Section(IntEnum):
    """Section types, in file order."""

    PROG = 1
    TENS = 2
    CONST_I8 = 3
    CONST_F16 = 4
    CONST_F32 = 5
    CONST_I32 = 6
    IO = 7
    SLOTS = 8
    GOLD = 10
    SAFE = 11
    AUDIT = 12
    LORA = 16
    LORA_CONST = 17
    TRUST = 32


class Verdict(IntEnum):
    """What the audit said; a failed audit is never signed."""

    NONE = 0
    UNVERIFIED = 1
    VERIFIED = 2


# What executes; the content digest covers these.
CONTENT_TYPES = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 11, 16, 17, 32})


def digest(data: bytes) -> bytes:
    """H of FORMAT.md: SHA-512 cut to 32 bytes."""
    return hashlib.sha512(data).digest()[:32]


def align(size: int) -> int:
    """The next multiple of 64."""
    return -(-size // ALIGNMENT) * ALIGNMENT


def signer_id(public_key: bytes) -> bytes:
    """16 bytes that name a public key (32 bytes) in a packet."""
    return hashlib.sha512(b"plasma-edge key v1\0" + public_key).digest()[:16]


def channel_id(name: str | None) -> bytes:
    """16 bytes that name a channel; zero for none."""
    if not name:
        return bytes(16)
    return hashlib.sha512(b"plasma-edge channel v1\0" + name.encode()).digest()[:16]


def payload_type(signed_region: bytes) -> str:
    """What kind of thing a signature over this region is about."""
    kind = int.from_bytes(signed_region[12:14], "little")
    return TRUST_TYPE if kind == Kind.TRUST_ROOT else PACKET_TYPE


def pre_authentication(signed_region: bytes) -> bytes:
    """The DSSE encoding that is signed instead of the region itself, so that a signature has one
    meaning.
    """
    name = payload_type(signed_region)
    return f"DSSEv1 {len(name)} {name} {len(signed_region)} ".encode() + signed_region


def content_digest(
    kind: int, opset: int, base_digest: bytes, sections: Mapping[int, bytes]
) -> bytes:
    """The identity of what executes. sections: raw bytes by type; those that do not execute are
    skipped.
    """
    parts = [b"plasma-edge content v1\0", struct.pack("<HHI", kind, 0, opset), base_digest]
    for section in sorted(CONTENT_TYPES & sections.keys()):
        raw = sections[section]
        parts.append(struct.pack("<IIQ", section, 0, len(raw)) + digest(raw))
    return digest(b"".join(parts))


@dataclass(frozen=True)
class Certificate:
    """What one tick needs: memory in bytes, multiply-accumulates, and work in cost units
    (vm/ISA.md).
    """

    arena_bytes: int
    state_bytes: int
    const_bytes: int
    macs: int
    cost_units: int


_HEADER = struct.Struct("<8s4H4IQQIIQQ16s32s32sQ4IQQ3I52s")
_RECORD = struct.Struct("<IIQQQ32s32s")


@dataclass(frozen=True)
class Header:
    """The 256 fixed bytes, field by field in file order."""

    magic: bytes
    format_major: int
    format_minor: int
    kind: int
    header_len: int
    flags: int
    signed_len: int
    section_count: int
    manifest_len: int
    file_len: int
    sequence: int
    rollback_index: int
    audit_verdict: int
    not_before: int
    not_after: int
    channel_id: bytes
    content_digest: bytes
    base_digest: bytes
    reserved: int
    opset: int
    arena_bytes: int
    state_bytes: int
    const_bytes: int
    macs: int
    cost_units: int
    min_runtime: int
    signer_count: int
    max_adapters: int
    reserved_tail: bytes = bytes(52)

    def encode(self) -> bytes:
        return _HEADER.pack(*astuple(self))

    @classmethod
    def decode(cls, data: bytes) -> Header:
        return cls(*_HEADER.unpack_from(data))

    @property
    def certificate(self) -> Certificate:
        return Certificate(
            self.arena_bytes, self.state_bytes, self.const_bytes, self.macs, self.cost_units
        )


@dataclass(frozen=True)
class Record:
    """One line of the section table."""

    type: int
    flags: int
    offset: int
    stored_len: int
    raw_len: int
    stored_digest: bytes
    raw_digest: bytes

    def encode(self) -> bytes:
        return _RECORD.pack(*astuple(self))

    @classmethod
    def decode(cls, data: bytes, offset: int) -> Record:
        return cls(*_RECORD.unpack_from(data, offset))
