"""Steps 6 to 8 of FORMAT.md: the section table, decompression, and the digests of what came out."""

from __future__ import annotations

import struct
from dataclasses import dataclass

import zstandard

from tests.reference.container import (
    ADAPTER,
    BASE,
    ROOT,
    Container,
    Device,
    digest,
    require,
    up64,
)

PROG, TENS, CONST_I8, CONST_F16, CONST_F32, CONST_I32, IO, SLOTS = range(1, 9)
GOLD, SAFE, AUDIT, LORA, LORA_CONST, TRUST = 10, 11, 12, 16, 17, 32
FIRST_OPTIONAL = 256
RECORD = struct.Struct("<IIQQQ32s32s")
_GREATEST = 1 << 30
# raw_len at most; None: what is left of the device's cap.
_LIMITS: dict[int, int | None] = {
    PROG: 262_144,
    TENS: 262_144,
    CONST_I8: None,
    CONST_F16: None,
    CONST_F32: None,
    CONST_I32: None,
    IO: 6_144,
    SLOTS: 16_384,
    GOLD: 262_144,
    SAFE: 65_536,
    AUDIT: 16_384,
    LORA: 32_768,
    LORA_CONST: None,
    TRUST: 13_328,
}
_NEEDED = {BASE: {PROG, TENS, IO}, ADAPTER: {LORA, LORA_CONST}, ROOT: {TRUST}}
_MAY_HAVE = {
    BASE: {CONST_I8, CONST_F16, CONST_F32, CONST_I32, SLOTS, GOLD, SAFE, AUDIT},
    ADAPTER: {GOLD, AUDIT},
    ROOT: set[int](),
}


@dataclass(frozen=True)
class Record:
    """One row of the section table."""

    type: int
    flags: int
    offset: int
    stored_len: int
    raw_len: int
    stored_digest: bytes
    raw_digest: bytes

    @property
    def is_frame(self) -> bool:
        return bool(self.flags & 1)

    def stored(self, container: Container) -> bytes:
        return container.data[self.offset : self.offset + self.stored_len]


def open_sections(container: Container, device: Device) -> list[Record]:
    """Step 6."""
    table = 256 + 16 * container.header["signer_count"]
    end, last_type, room = container.sections_at, 0, min(device.max_memory_bytes, _GREATEST)
    records = []
    for i in range(container.header["section_count"]):
        record = Record(*RECORD.unpack_from(container.data, table + RECORD.size * i))
        require(record.type > last_type, "E_SECTION_ORDER")
        last_type = record.type
        _check_flags(record, container.kind)
        room = _check_lengths(record, room)
        require(record.offset == up64(end), "E_SECTION_LAYOUT")
        require(record.offset + record.stored_len <= container.end, "E_SECTION_LAYOUT")
        require(not any(container.data[end : record.offset]), "E_PADDING")
        end = record.offset + record.stored_len
        records.append(record)
    require(end == container.end, "E_SECTION_LAYOUT")
    require({r.type for r in records} >= _NEEDED[container.kind], "E_SECTION_MISSING")
    for record in records:
        require(digest(record.stored(container)) == record.stored_digest, "E_STORED_DIGEST")
    return records


def _check_flags(record: Record, kind: int) -> None:
    if record.type >= FIRST_OPTIONAL:
        require(kind != ROOT and bool(record.flags & 2), "E_SECTION_UNKNOWN")
        require(record.flags & ~3 == 0, "E_RESERVED")
    else:
        require(record.type in _NEEDED[kind] | _MAY_HAVE[kind], "E_SECTION_UNKNOWN")
        require(record.flags & ~(0 if record.type == TRUST else 1) == 0, "E_RESERVED")


def _check_lengths(record: Record, room: int) -> int:
    """Gives what is left of the device's cap."""
    require(record.stored_len >= 1 and record.raw_len >= 1, "E_SECTION_LAYOUT")
    most = _LIMITS.get(record.type, _GREATEST)
    require(record.raw_len <= (room if most is None else most), "E_LIMIT")
    require(record.is_frame or record.stored_len == record.raw_len, "E_SECTION_LAYOUT")
    return room - record.raw_len if most is None else room


def open_contents(container: Container, records: list[Record]) -> dict[int, bytes]:
    """Steps 7 and 8: raw bytes by type."""
    known = [record for record in records if record.type < FIRST_OPTIONAL]
    contents = {record.type: _content(record, container) for record in known}
    for record in known:
        require(digest(contents[record.type]) == record.raw_digest, "E_RAW_DIGEST")
    identity = struct.pack("<HHI", container.kind, 0, container.header["opset"])
    identity += container.digests["base_digest"]
    for record in known:
        if record.type not in (GOLD, AUDIT):
            identity += struct.pack("<IIQ", record.type, 0, record.raw_len) + record.raw_digest
    found = digest(b"plasma-edge content v1\0" + identity)
    require(found == container.digests["content_digest"], "E_CONTENT_DIGEST")
    audit = contents.get(AUDIT, bytes(4))
    verdict = container.header["audit_verdict"]
    require(len(audit) >= 4 and int.from_bytes(audit[:4], "little") == verdict, "E_AUDIT_FORMAT")
    return contents


def _content(record: Record, container: Container) -> bytes:
    stored = record.stored(container)
    return _decompress(stored, record.raw_len) if record.is_frame else stored


def _decompress(frame: bytes, raw_len: int) -> bytes:
    """One plain frame (RFC 8878) of exactly `raw_len` bytes."""
    _check_frame(frame, raw_len)
    try:
        raw = zstandard.ZstdDecompressor().decompress(frame, max_output_size=raw_len)
    except zstandard.ZstdError:
        raw = b""
    require(len(raw) == raw_len, "E_ZSTD_DATA")
    return raw


def _check_frame(frame: bytes, raw_len: int) -> None:
    """What the frame header and the lengths of the blocks show."""
    require(frame[:4] == b"\x28\xb5\x2f\xfd" and len(frame) > 4, "E_ZSTD_FRAME")
    descriptor, at = frame[4], 5
    require(descriptor & 0x1B == 0, "E_ZSTD_FRAME")
    is_single_segment = bool(descriptor & 0x20)
    window = 0
    if not is_single_segment:
        require(len(frame) > at, "E_ZSTD_FRAME")
        exponent, mantissa = frame[at] >> 3, frame[at] & 7
        window = (1 << 10 + exponent) // 8 * (8 + mantissa)
        at += 1
    width = (1 if is_single_segment else 0, 2, 4, 8)[descriptor >> 6]
    require(len(frame) >= at + width, "E_ZSTD_FRAME")
    size = int.from_bytes(frame[at : at + width], "little") + (256 if width == 2 else 0)
    require(width > 0 and size == raw_len, "E_ZSTD_FRAME")
    require((size if is_single_segment else window) <= 1 << 20, "E_ZSTD_FRAME")
    checksum = 4 if descriptor & 4 else 0
    require(_end_of_blocks(frame, at + width) + checksum == len(frame), "E_ZSTD_FRAME")


def _end_of_blocks(frame: bytes, at: int) -> int:
    is_last = False
    while not is_last:
        require(at + 3 <= len(frame), "E_ZSTD_FRAME")
        head = int.from_bytes(frame[at : at + 3], "little")
        is_last, kind, size = bool(head & 1), head >> 1 & 3, head >> 3
        require(kind != 3, "E_ZSTD_FRAME")
        at += 3 + (1 if kind == 1 else size)
        require(at <= len(frame), "E_ZSTD_FRAME")
    return at
