"""Section 8 of FORMAT.md: opens a trust root, alone or after the one before it."""

from __future__ import annotations

import struct
from itertools import pairwise

from tests.reference.container import (
    CERTIFICATE,
    ROOT,
    Container,
    Device,
    check_trailer,
    digest,
    open_container,
    require,
)
from tests.reference.ed25519 import is_valid_key
from tests.reference.sections import TRUST, open_contents, open_sections
from tests.reference.trust import Channel, Root, Trust, check_signatures

_MOST_BYTES = 65_536
_HEAD = struct.Struct("<BBH3B9s")
_KEY = struct.Struct("<32sBB30s")
_CHANNEL = struct.Struct("<QIIHH44s")


def open_root(packet: bytes, predecessor: Trust | None = None) -> Trust:
    """Whom a device believes that has this root. Raises Refusal."""
    require(len(packet) <= _MOST_BYTES, "E_TOO_LARGE")
    container = open_container(packet, wanted=ROOT)
    if predecessor is not None:
        check_signatures(container, predecessor)
    check_trailer(container)
    _check_header(container, predecessor)
    contents = open_contents(container, open_sections(container, Device(runtime=0)))
    trust = _read(container, contents[TRUST])
    check_signatures(container, trust)
    return trust


def _check_header(container: Container, predecessor: Trust | None) -> None:
    header, digests = container.header, container.digests
    unused = [header[name] for name in (*CERTIFICATE, "rollback_index", "min_runtime")]
    require(header["opset"] == 1 and not any(unused), "E_ROOT_FORMAT")
    require(not any(digests["channel_id"]), "E_ROOT_FORMAT")
    version = header["sequence"]
    require(1 <= version < 1 << 32, "E_ROOT_FORMAT")
    require(any(digests["base_digest"]) == (version > 1), "E_ROOT_CHAIN")
    if predecessor is not None and predecessor.root is not None:
        require(version == predecessor.root.version + 1, "E_ROOT_VERSION")
        is_next = digests["base_digest"] == predecessor.root.content_digest
        require(is_next, "E_ROOT_CHAIN")


def _read(container: Container, section: bytes) -> Trust:
    """The TRUST section, every byte of it."""
    require(len(section) >= _HEAD.size, "E_ROOT_FORMAT")
    n_keys, n_channels, n_revoked, *thresholds, reserved = _HEAD.unpack_from(section)
    require(1 <= n_keys <= 16 and n_channels <= 64 and n_revoked <= 256, "E_ROOT_FORMAT")
    require(not any(reserved), "E_ROOT_FORMAT")
    channels_at = _HEAD.size + _KEY.size * n_keys
    revoked_at = channels_at + _CHANNEL.size * n_channels
    require(len(section) == revoked_at + 32 * n_revoked, "E_ROOT_FORMAT")
    keys: dict[bytes, int] = {}
    for raw, roles, zero, name in _KEY.iter_unpack(section[_HEAD.size : channels_at]):
        require(1 <= roles <= 7 and zero == 0 and _is_name(name), "E_ROOT_FORMAT")
        require(is_valid_key(raw), "E_KEY_INVALID")
        require(raw not in keys, "E_KEY_DUPLICATE")
        keys[raw] = roles
    rows = list(_CHANNEL.iter_unpack(section[channels_at:revoked_at]))
    channels = tuple(_channel(row, n_keys) for row in rows)
    require(all(a[5] < b[5] for a, b in pairwise(rows)), "E_ROOT_FORMAT")
    revoked = tuple(section[at : at + 32] for at in range(revoked_at, len(section), 32))
    require(all(a < b for a, b in pairwise(revoked)), "E_ROOT_FORMAT")
    for kind, threshold in enumerate(thresholds):
        holders = sum(roles >> kind & 1 for roles in keys.values())
        most = holders if kind + 1 == ROOT else max(holders, 1)
        require(1 <= threshold <= most, "E_ROOT_FORMAT")
    header = container.header
    root = Root(
        header["sequence"],
        header["not_before"],
        header["not_after"],
        container.digests["content_digest"],
        tuple(keys.values()),
        (thresholds[0], thresholds[1], thresholds[2]),
        channels,
        revoked,
    )
    return Trust(tuple(keys), root=root)


def _channel(row: tuple[int, int, int, int, int, bytes], n_keys: int) -> Channel:
    sequence, rollback, reset, keys, zero, name = row
    require(keys < 1 << n_keys and zero == 0, "E_ROOT_FORMAT")
    require(_is_name(name) and name[0] != 0, "E_ROOT_FORMAT")
    channel_id = digest(b"plasma-edge channel v1\0" + name.rstrip(b"\0"))[:16]
    return Channel(channel_id, sequence, rollback, reset, keys)


def _is_name(name: bytes) -> bool:
    """Printable ASCII, then zeros."""
    return all(0x20 <= byte <= 0x7E for byte in name.rstrip(b"\0"))
