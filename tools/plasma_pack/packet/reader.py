# SPDX-License-Identifier: Apache-2.0
"""Opens a packet file for tools, without believing it.

Nothing here verifies a signature and nothing here runs: `inspect`, `disasm`, `cosign` and the adapter
build need to see what a packet says. Lengths, digests and the trailer are checked so that a damaged
file is called damaged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import zstandard

from plasma_pack.errors import packet_error
from plasma_pack.packet import format as fmt
from plasma_pack.packet.cbor import decode_map


@dataclass(frozen=True)
class OpenPacket:
    """What a packet file says about itself: nothing in it is verified."""

    data: bytes
    header: fmt.Header
    signer_ids: tuple[bytes, ...]
    signatures: tuple[bytes, ...]
    records: tuple[fmt.Record, ...]
    manifest: Mapping[str, Any]
    sections: Mapping[int, bytes]

    @property
    def slot_names(self) -> list[str]:
        """Names of the slots as the manifest has them; nothing vouches for them."""
        slots = self.manifest.get("slots", [])
        return [str(name) for name in slots] if isinstance(slots, list) else []


def open_packet(source: str | PathLike[str] | bytes) -> OpenPacket:
    """Open a file or bytes. Raises PacketError with the runtime's codes when the container is not
    sound.
    """
    data = (
        bytes(source) if isinstance(source, (bytes, bytearray, memoryview)) else _read(Path(source))
    )
    header = _header(data)
    ids_at = fmt.HEADER_BYTES
    table_at = ids_at + fmt.SIGNER_ID_BYTES * header.signer_count
    manifest_at = table_at + fmt.RECORD_BYTES * header.section_count
    signatures_at = fmt.align(header.signed_len)
    records = tuple(
        fmt.Record.decode(data, table_at + fmt.RECORD_BYTES * i)
        for i in range(header.section_count)
    )
    _check_trailer(data)
    return OpenPacket(
        data=data,
        header=header,
        signer_ids=_pieces(data, ids_at, fmt.SIGNER_ID_BYTES, header.signer_count),
        signatures=_pieces(data, signatures_at, fmt.SIGNATURE_BYTES, header.signer_count),
        records=records,
        manifest=_manifest(data[manifest_at : header.signed_len]),
        sections=_sections(data, header, records),
    )


def _read(path: Path) -> bytes:
    try:
        size = path.stat().st_size
        if size > fmt.MAX_FILE_BYTES:
            raise packet_error(
                "E_TOO_LARGE", f"{path} has {size} bytes, expected at most {fmt.MAX_FILE_BYTES}"
            )
        return path.read_bytes()
    except OSError as error:
        raise packet_error("E_IO", f"{path} cannot be read: {error.strerror}") from error


def _header(data: bytes) -> fmt.Header:
    if data[: len(fmt.MAGIC)] != fmt.MAGIC:
        raise packet_error("E_MAGIC", "not a plasma packet (wrong first bytes)")
    if len(data) < fmt.HEADER_BYTES:
        raise packet_error(
            "E_TRUNCATED", f"found {len(data)} bytes, expected at least {fmt.HEADER_BYTES}"
        )
    header = fmt.Header.decode(data)
    if (header.format_major, header.format_minor) != fmt.FORMAT_VERSION:
        raise packet_error(
            "E_VERSION", f"format {header.format_major}.{header.format_minor}, expected 1.0"
        )
    if header.kind not in tuple(fmt.Kind):
        raise packet_error(
            "E_KIND", f"kind {header.kind}, expected 1 (base), 2 (adapter) or 3 (trust root)"
        )
    _check_counts(header)
    _check_lengths(header, len(data))
    return header


def _check_counts(header: fmt.Header) -> None:
    for name, found, least, most in (
        ("section_count", header.section_count, 1, fmt.MAX_SECTIONS),
        ("signer_count", header.signer_count, 1, fmt.MAX_SIGNERS),
        ("manifest_len", header.manifest_len, 0, fmt.MAX_MANIFEST_BYTES),
    ):
        if not least <= found <= most:
            raise packet_error("E_LIMIT", f"{name} is {found}, expected {least} to {most}")


def _check_lengths(header: fmt.Header, size: int) -> None:
    expected = (
        fmt.HEADER_BYTES
        + fmt.SIGNER_ID_BYTES * header.signer_count
        + fmt.RECORD_BYTES * header.section_count
        + header.manifest_len
    )
    if header.header_len != fmt.HEADER_BYTES or header.signed_len != expected:
        raise packet_error("E_LAYOUT", f"signed_len is {header.signed_len}, expected {expected}")
    if size < header.file_len:
        raise packet_error("E_TRUNCATED", f"found {size} bytes, the header says {header.file_len}")
    if size > header.file_len:
        raise packet_error("E_TRAILING", f"found {size} bytes, the header says {header.file_len}")
    least = (
        fmt.align(header.signed_len) + fmt.SIGNATURE_BYTES * header.signer_count + fmt.TRAILER_BYTES
    )
    if size < least:
        raise packet_error("E_TRUNCATED", f"found {size} bytes, the tables alone need {least}")


def _check_trailer(data: bytes) -> None:
    body = data[: -fmt.TRAILER_BYTES]
    if data[-fmt.TRAILER_BYTES :] != fmt.TRAILER_MAGIC + fmt.digest(body):
        raise packet_error(
            "E_TRANSPORT", "the trailer does not match the bytes; fetch the file again"
        )


def _pieces(data: bytes, at: int, size: int, count: int) -> tuple[bytes, ...]:
    return tuple(data[at + size * i : at + size * (i + 1)] for i in range(count))


def _manifest(encoded: bytes) -> Mapping[str, Any]:
    return decode_map(encoded, "manifest", "E_LAYOUT") if encoded else {}


def _sections(data: bytes, header: fmt.Header, records: tuple[fmt.Record, ...]) -> dict[int, bytes]:
    sections: dict[int, bytes] = {}
    at = fmt.align(header.signed_len) + fmt.SIGNATURE_BYTES * header.signer_count
    for record in records:
        if sections and record.type <= max(sections):
            raise packet_error("E_SECTION_ORDER", f"section {record.type} after {max(sections)}")
        at = fmt.align(at)
        end = at + record.stored_len
        if record.offset != at or not record.stored_len or not record.raw_len:
            raise packet_error(
                "E_SECTION_LAYOUT", f"section {record.type} at {record.offset}, expected {at}"
            )
        if end > len(data) - fmt.TRAILER_BYTES:
            raise packet_error("E_SECTION_LAYOUT", f"section {record.type} ends after the file")
        sections[record.type] = _raw(record, data[at:end])
        at = end
    return sections


def _raw(record: fmt.Record, stored: bytes) -> bytes:
    if fmt.digest(stored) != record.stored_digest:
        raise packet_error("E_STORED_DIGEST", f"section {record.type} does not match its digest")
    raw = _decompress(record, stored) if record.flags & fmt.FLAG_ZSTD else stored
    if len(raw) != record.raw_len or fmt.digest(raw) != record.raw_digest:
        raise packet_error(
            "E_RAW_DIGEST", f"the content of section {record.type} does not match its digest"
        )
    return raw


def _decompress(record: fmt.Record, stored: bytes) -> bytes:
    if record.raw_len > fmt.MAX_FILE_BYTES:
        raise packet_error("E_LIMIT", f"section {record.type} says it has {record.raw_len} bytes")
    try:
        declared = zstandard.get_frame_parameters(stored).content_size
        if declared != record.raw_len:
            raise packet_error(
                "E_ZSTD_FRAME", f"section {record.type} is not one frame of its declared size"
            )
        decompressor = zstandard.ZstdDecompressor(max_window_size=fmt.MAX_ZSTD_WINDOW)
        return decompressor.decompress(
            stored, max_output_size=record.raw_len, allow_extra_data=False
        )
    except zstandard.ZstdError as error:
        raise packet_error(
            "E_ZSTD_DATA", f"section {record.type} does not decompress: {error}"
        ) from error
