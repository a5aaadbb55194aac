# SPDX-License-Identifier: Apache-2.0
"""Sections and keys in, packet bytes out, exactly as cpp/packet/FORMAT.md says.

Reproducible: no clock, no randomness (Ed25519 is deterministic), one compressor with fixed
parameters. The same draft and keys give the same bytes on every machine that has the pinned
zstandard.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack.errors import KeyFileError, OptionError
from plasma_pack.packet import format as fmt
from plasma_pack.packet.cbor import encode_map
from plasma_pack.packet.keys import public_bytes


@dataclass(frozen=True)
class Draft:
    """Everything a packet says, before anyone signs it. `sections` are raw bytes by type."""

    kind: fmt.Kind
    sections: Mapping[int, bytes]
    certificate: fmt.Certificate
    manifest: Mapping[str, Any] = field(default_factory=dict)
    base_digest: bytes = bytes(32)
    max_adapters: int = 0
    sequence: int = 0
    rollback_index: int = 0
    not_before: int = 0
    not_after: int = 0
    channel: str | None = None
    min_runtime: int = fmt.MIN_RUNTIME

    @property
    def content_digest(self) -> bytes:
        return fmt.content_digest(self.kind, fmt.OPSET, self.base_digest, self.sections)

    def with_section(self, section: int, raw: bytes) -> Draft:
        return replace(self, sections={**self.sections, section: raw})


def write_packet(
    draft: Draft,
    keys: Sequence[Ed25519PrivateKey],
    reserved: Sequence[bytes] = (),
    *,
    is_compressed: bool = True,
) -> bytes:
    """The packet, signed by every key; each public key in `reserved` gets an empty place for
    `cosign` or `attach`.
    """
    public_keys = [public_bytes(key) for key in keys] + list(reserved)
    _check_signers(public_keys)
    manifest = _manifest(draft.manifest)
    signed_len = _signed_len(len(public_keys), len(draft.sections), len(manifest))
    sections_at = fmt.align(fmt.align(signed_len) + fmt.SIGNATURE_BYTES * len(public_keys))
    records, body = _lay_out(draft.sections, sections_at, is_compressed)
    file_len = sections_at + len(body) + fmt.TRAILER_BYTES
    header = _header(draft, signed_len, file_len, len(records), len(manifest), len(public_keys))
    region = b"".join(
        [
            header.encode(),
            *map(fmt.signer_id, public_keys),
            *(record.encode() for record in records),
            manifest,
        ]
    )
    signatures = b"".join(key.sign(fmt.pre_authentication(region)) for key in keys)
    signatures += fmt.ABSENT_SIGNATURE * len(reserved)
    return seal(_pad(_pad(region) + signatures) + body)


def seal(body: bytes) -> bytes:
    """Append the trailer."""
    return body + fmt.TRAILER_MAGIC + fmt.digest(body)


def compress(raw: bytes) -> tuple[int, bytes]:
    """(flags, stored bytes) of a section: one zstd frame where that is smaller, else the bytes as
    they are.
    """
    parameters = zstandard.ZstdCompressionParameters.from_level(
        19,
        source_size=len(raw),
        window_log=min(20, max(10, len(raw).bit_length())),
        write_content_size=True,
        write_checksum=False,
        write_dict_id=False,
        threads=0,
    )
    stored = zstandard.ZstdCompressor(compression_params=parameters).compress(raw)
    return (fmt.FLAG_ZSTD, stored) if len(stored) < len(raw) else (0, raw)


def _check_signers(public_keys: Sequence[bytes]) -> None:
    if not 1 <= len(public_keys) <= fmt.MAX_SIGNERS:
        raise OptionError(
            f"found {len(public_keys)} signers, expected 1 to {fmt.MAX_SIGNERS}; pass --key FILE, key=…"
        )
    if len(set(public_keys)) != len(public_keys):
        raise KeyFileError("the same key was given twice; each key may sign a packet once")


def _manifest(manifest: Mapping[str, Any]) -> bytes:
    encoded = encode_map(manifest, "manifest")
    if len(encoded) > fmt.MAX_MANIFEST_BYTES:
        raise OptionError(
            f"the manifest has {len(encoded)} bytes, expected at most {fmt.MAX_MANIFEST_BYTES}; "
            "shorten the name, the metadata or the slot names"
        )
    return encoded


def _lay_out(
    sections: Mapping[int, bytes], at: int, is_compressed: bool
) -> tuple[list[fmt.Record], bytes]:
    if not 1 <= len(sections) <= fmt.MAX_SECTIONS:
        raise OptionError(f"found {len(sections)} sections, expected 1 to {fmt.MAX_SECTIONS}")
    records, body = [], b""
    for section in sorted(sections):
        raw = sections[section]
        flags, stored = compress(raw) if is_compressed else (0, raw)
        if section >= 256:
            flags |= fmt.FLAG_IGNORABLE
        body = _pad(body)
        records.append(
            fmt.Record(
                section,
                flags,
                at + len(body),
                len(stored),
                len(raw),
                fmt.digest(stored),
                fmt.digest(raw),
            )
        )
        body += stored
    return records, body


def _signed_len(signers: int, sections: int, manifest_len: int) -> int:
    return (
        fmt.HEADER_BYTES
        + fmt.SIGNER_ID_BYTES * signers
        + fmt.RECORD_BYTES * sections
        + manifest_len
    )


def _header(
    draft: Draft, signed_len: int, file_len: int, sections: int, manifest_len: int, signers: int
) -> fmt.Header:
    certificate = draft.certificate
    audit = draft.sections.get(fmt.Section.AUDIT, bytes(4))
    return fmt.Header(
        magic=fmt.MAGIC,
        format_major=fmt.FORMAT_VERSION[0],
        format_minor=fmt.FORMAT_VERSION[1],
        kind=draft.kind,
        header_len=fmt.HEADER_BYTES,
        flags=0,
        signed_len=signed_len,
        section_count=sections,
        manifest_len=manifest_len,
        file_len=file_len,
        sequence=draft.sequence,
        rollback_index=draft.rollback_index,
        audit_verdict=int.from_bytes(audit[:4], "little"),
        not_before=draft.not_before,
        not_after=draft.not_after,
        channel_id=fmt.channel_id(draft.channel),
        content_digest=draft.content_digest,
        base_digest=draft.base_digest,
        reserved=0,
        opset=fmt.OPSET,
        arena_bytes=certificate.arena_bytes,
        state_bytes=certificate.state_bytes,
        const_bytes=certificate.const_bytes,
        macs=certificate.macs,
        cost_units=certificate.cost_units,
        min_runtime=draft.min_runtime,
        signer_count=signers,
        max_adapters=draft.max_adapters,
    )


def _pad(data: bytes) -> bytes:
    return data + bytes(fmt.align(len(data)) - len(data))
