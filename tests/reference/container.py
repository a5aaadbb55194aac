"""Steps 1, 2 and 4 of FORMAT.md: the header, the lengths and the trailer; and what the other steps are asked for."""

from __future__ import annotations

import hashlib
import struct
from dataclasses import dataclass, field

MAGIC = b"\x89PLMA\r\n\x1a"
TRAILER_MAGIC = b"PLMAEND\n"
TRAILER_BYTES = 40
BASE, ADAPTER, ROOT = 1, 2, 3
HEADER = struct.Struct("<8sHHHHIIIIQQIIQQ16s32s32s8sIIIIQQIII52s")
_FIELD_NAMES = (
    "magic format_major format_minor kind header_len flags signed_len section_count manifest_len file_len "
    "sequence rollback_index audit_verdict not_before not_after channel_id content_digest base_digest "
    "reserved opset arena_bytes state_bytes const_bytes macs cost_units min_runtime signer_count "
    "max_adapters reserved_tail"
)
FIELDS = tuple(_FIELD_NAMES.split())
CERTIFICATE = ("arena_bytes", "state_bytes", "const_bytes", "macs", "cost_units")


class Refusal(Exception):  # noqa: N818 -- it is the verdict, not a fault
    """The packet is refused; `code` is the E_ code a device answers with."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def require(holds: bool, code: str) -> None:
    """Refuses unless `holds`."""
    if not holds:
        raise Refusal(code)


@dataclass(frozen=True)
class Floor:
    """What a device confirmed last in one line of releases."""

    channel_id: bytes
    kind: int
    sequence: int
    rollback_index: int
    content_digest: bytes
    root_version: int


@dataclass(frozen=True)
class Install:
    """A device that wants to install; `now` is None without a synchronised clock."""

    now: int | None
    time_floor: int = 0
    strict_clock: bool = False
    floors: tuple[Floor, ...] = ()


@dataclass(frozen=True)
class Device:
    """What a device accepts besides its keys; `channel` is a name, `install` None to run only."""

    runtime: int
    opset: int = 1
    channel: str | None = None
    install: Install | None = None
    require_audit: int = 0
    max_file_bytes: int = 256 << 20
    max_memory_bytes: int = 64 << 20
    max_cost_units: int = 2**64 - 1


@dataclass(frozen=True)
class Container:
    """A packet whose lengths hold."""

    data: bytes
    header: dict[str, int]
    digests: dict[str, bytes] = field(default_factory=dict)

    @property
    def kind(self) -> int:
        return self.header["kind"]

    @property
    def signatures_at(self) -> int:
        return up64(self.header["signed_len"])

    @property
    def sections_at(self) -> int:
        return self.signatures_at + 64 * self.header["signer_count"]

    @property
    def end(self) -> int:
        """Where the trailer begins."""
        return len(self.data) - TRAILER_BYTES


def up64(size: int) -> int:
    return -(-size // 64) * 64


def digest(data: bytes) -> bytes:
    """H of FORMAT.md."""
    return hashlib.sha512(data).digest()[:32]


def open_container(data: bytes, wanted: int | None = None) -> Container:
    """Steps 1 and 2. `wanted`: the kind asked for, None for any."""
    require(data[:8] == MAGIC, "E_MAGIC")
    require(len(data) >= 256, "E_TRUNCATED")
    fields = dict(zip(FIELDS, HEADER.unpack_from(data), strict=True))
    container = Container(
        data,
        {name: value for name, value in fields.items() if isinstance(value, int)},
        {name: value for name, value in fields.items() if isinstance(value, bytes)},
    )
    _check_fields(container, wanted)
    _check_lengths(container)
    return container


def _check_fields(container: Container, wanted: int | None) -> None:
    header, blobs = container.header, container.digests
    require((header["format_major"], header["format_minor"]) == (1, 0), "E_VERSION")
    require(header["kind"] in (BASE, ADAPTER, ROOT), "E_KIND")
    require(wanted is None or header["kind"] == wanted, "E_KIND")
    require(header["header_len"] == 256, "E_LIMIT")
    require(header["flags"] == 0, "E_RESERVED")
    require(1 <= header["section_count"] <= 16, "E_LIMIT")
    require(header["manifest_len"] <= 16_384, "E_LIMIT")
    require(header["audit_verdict"] <= 2, "E_LIMIT")
    require(not any(blobs["reserved"]), "E_RESERVED")
    require(header["opset"] >= 1, "E_LIMIT")
    require(1 <= header["signer_count"] <= 8, "E_LIMIT")
    require(header["max_adapters"] <= (16 if header["kind"] == BASE else 0), "E_LIMIT")
    require(not any(blobs["reserved_tail"]), "E_RESERVED")


def _check_lengths(container: Container) -> None:
    header, size = container.header, len(container.data)
    signed_len = 256 + 16 * header["signer_count"] + 96 * header["section_count"]
    require(header["signed_len"] == signed_len + header["manifest_len"], "E_LAYOUT")
    require(size >= header["file_len"], "E_TRUNCATED")
    require(size <= header["file_len"], "E_TRAILING")
    require(size >= container.sections_at + TRAILER_BYTES, "E_LAYOUT")
    pad = container.data[header["signed_len"] : container.signatures_at]
    require(not any(pad), "E_PADDING")


def check_trailer(container: Container) -> None:
    """Step 4."""
    body = container.data[: container.end]
    require(container.data[container.end :] == TRAILER_MAGIC + digest(body), "E_TRANSPORT")
