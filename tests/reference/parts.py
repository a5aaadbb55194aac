"""A packet taken apart and put together again, with lengths, digests and signatures mended unless told otherwise."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.reference.container import (
    FIELDS,
    HEADER,
    TRAILER_MAGIC,
    Device,
    digest,
    open_container,
    up64,
)
from tests.reference.sections import AUDIT, GOLD, RECORD, open_contents, open_sections

TYPES = [
    b"application/vnd.plasma-edge.packet.v1",
    b"application/vnd.plasma-edge.trust.v1",
]
_RECORD_NAMES = ("type", "flags", "offset", "stored_len", "raw_len", "stored_digest", "raw_digest")
_ANY = Device(runtime=2**32 - 1, opset=2**32 - 1)


@dataclass
class Section:
    """Raw bytes, and how they are stored; `lies` replace fields of its record."""

    type: int
    flags: int
    raw: bytes
    stored: bytes
    lies: dict[str, Any] = field(default_factory=dict)

    def replace(self, raw: bytes) -> None:
        self.raw = self.stored = raw
        self.flags &= ~1


@dataclass
class Parts:
    """`lies` replace fields of the header; `signers` are keys, or what stands for one: (id, signature)."""

    header: dict[str, Any]
    manifest: bytes
    sections: list[Section]
    signers: list[Ed25519PrivateKey | tuple[bytes, bytes]]
    lies: dict[str, Any] = field(default_factory=dict)
    payload: bytes = TYPES[0]
    pad: bytes = b"\0"

    @classmethod
    def of(cls, packet: bytes, *signers: Ed25519PrivateKey) -> Parts:
        container = open_container(packet)
        records = open_sections(container, _ANY)
        contents = open_contents(container, records)
        sections = [
            Section(record.type, record.flags, contents[record.type], record.stored(container))
            for record in records
        ]
        end = container.header["signed_len"]
        manifest = packet[end - container.header["manifest_len"] : end]
        return cls(container.header | container.digests, manifest, sections, list(signers))

    def contents(self) -> dict[int, bytes]:
        return {section.type: section.raw for section in self.sections}

    def find(self, section: int) -> Section | None:
        return next((s for s in self.sections if s.type == section), None)

    def assemble(self) -> bytes:
        size = 256 + 16 * len(self.signers) + 96 * len(self.sections) + len(self.manifest)
        begin = up64(size) + 64 * len(self.signers)
        table, body = self._body(begin)
        facts = self.header | {
            "signed_len": size,
            "section_count": len(self.sections),
            "manifest_len": len(self.manifest),
            "signer_count": len(self.signers),
            "file_len": begin + len(body) + 40,
        }
        facts["content_digest"] = self._content_digest(facts)
        values = facts | self.lies
        region = HEADER.pack(*(values[name] for name in FIELDS))
        region += b"".join(map(_id, self.signers)) + table + self.manifest
        message = b"DSSEv1 %d %s %d " % (len(self.payload), self.payload, len(region)) + region
        signatures = b"".join(_signature(signer, message) for signer in self.signers)
        return seal(self._padded(region) + signatures + body)

    def _padded(self, data: bytes) -> bytes:
        return data + self.pad * (up64(len(data)) - len(data))

    def _body(self, begin: int) -> tuple[bytes, bytes]:
        table, body = b"", b""
        for section in self.sections:
            body = self._padded(body)
            true = (section.type, section.flags, begin + len(body))
            lengths = (len(section.stored), len(section.raw))
            digests = (digest(section.stored), digest(section.raw))
            row = dict(zip(_RECORD_NAMES, (*true, *lengths, *digests), strict=True))
            table += RECORD.pack(*(row | section.lies).values())
            body += section.stored
        return table, body

    def _content_digest(self, facts: dict[str, Any]) -> bytes:
        values = facts | self.lies
        text = b"plasma-edge content v1\0" + struct.pack("<HHI", values["kind"], 0, values["opset"])
        text += values["base_digest"]
        for section in self.sections:
            if section.type not in (GOLD, AUDIT) and section.type < 256:
                text += struct.pack("<IIQ", section.type, 0, len(section.raw)) + digest(section.raw)
        return digest(text)


def seal(body: bytes) -> bytes:
    """Appends the trailer that fits."""
    return body + TRAILER_MAGIC + digest(body)


def key_id(key: Ed25519PrivateKey) -> bytes:
    public = key.public_key().public_bytes_raw()
    return hashlib.sha512(b"plasma-edge key v1\0" + public).digest()[:16]


def _id(signer: Ed25519PrivateKey | tuple[bytes, bytes]) -> bytes:
    return signer[0] if isinstance(signer, tuple) else key_id(signer)


def _signature(signer: Ed25519PrivateKey | tuple[bytes, bytes], message: bytes) -> bytes:
    return signer[1] if isinstance(signer, tuple) else signer.sign(message)
