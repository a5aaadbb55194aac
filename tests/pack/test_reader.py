"""A damaged or hostile file ends in a typed error, never in anything else."""

from __future__ import annotations

import contextlib
from pathlib import Path

import cbor2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import PacketError
from plasma_pack import open_packet
from plasma_pack.packet import format as fmt
from plasma_pack.packet.cbor import decode_map
from plasma_pack.packet.writer import seal, write_packet
from tests.pack.test_writer import draft


@pytest.fixture(scope="module")
def packet(key: Ed25519PrivateKey) -> bytes:
    return write_packet(draft(), [key])


def code_of(data: bytes) -> str:
    with pytest.raises(PacketError) as info:
        open_packet(data)
    return info.value.code


def patched(packet: bytes, offset: int, value: int, size: int) -> bytes:
    body = packet[:offset] + value.to_bytes(size, "little") + packet[offset + size :]
    return seal(body[: -fmt.TRAILER_BYTES])


@pytest.mark.parametrize(
    ("offset", "value", "size", "code"),
    [
        (0, 0, 1, "E_MAGIC"),
        (8, 2, 2, "E_VERSION"),
        (12, 4, 2, "E_KIND"),
        (14, 255, 2, "E_LAYOUT"),
        (20, 0, 4, "E_LAYOUT"),
        (24, 17, 4, "E_LIMIT"),
        (28, 16_385, 4, "E_LIMIT"),
        (32, 10**6, 8, "E_TRUNCATED"),
        (32, 300, 8, "E_TRAILING"),
        (196, 9, 4, "E_LIMIT"),
        (272, 7, 4, "E_SECTION_ORDER"),
        (280, 0, 8, "E_SECTION_LAYOUT"),
        (288, 1 << 40, 8, "E_SECTION_LAYOUT"),
        (296, 1 << 40, 8, "E_LIMIT"),
        (304, 0, 8, "E_STORED_DIGEST"),
        (336, 0, 8, "E_RAW_DIGEST"),
    ],
)
def test_a_field_that_contradicts_the_file_has_its_code(
    packet: bytes, offset: int, value: int, size: int, code: str
) -> None:
    assert code_of(patched(packet, offset, value, size)) == code


def test_every_truncation_is_refused(packet: bytes) -> None:
    for length in range(len(packet)):
        assert code_of(packet[:length]) in ("E_MAGIC", "E_TRUNCATED")


def test_every_flipped_byte_is_refused(packet: bytes) -> None:
    for at in range(len(packet)):
        damaged = bytearray(packet)
        damaged[at] ^= 0x55
        code_of(bytes(damaged))


def test_random_damage_behind_a_good_trailer_ends_in_a_packet_error(packet: bytes) -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        body = bytearray(packet[: -fmt.TRAILER_BYTES])
        for _ in range(rng.integers(1, 5)):
            body[rng.integers(len(body))] = rng.integers(256)
        with contextlib.suppress(PacketError):
            open_packet(seal(bytes(body)))


def test_a_file_that_is_not_there_is_e_io(tmp_path: Path) -> None:
    with pytest.raises(PacketError) as info:
        open_packet(tmp_path / "none.plasma")
    assert info.value.code == "E_IO"


@pytest.mark.parametrize(
    "encoded",
    [
        b"",
        b"\xff",
        cbor2.dumps([1, 2]),
        cbor2.dumps({1: 2}),
        cbor2.dumps({"a": 1}) + b"\x00",
        b"\xa2\x61b\x01\x61a\x02",
        b"\x9f" * 5000,
        b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\xd8\x1c\x81\xd8\x1d\x00",
    ],
)
def test_what_is_not_one_canonical_map_is_refused(encoded: bytes) -> None:
    with pytest.raises(PacketError):
        decode_map(encoded, "manifest", "E_LAYOUT")
