"""Packets are reproducible to the byte, and every place for a signature means one key."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_edge import PacketError, SignatureError, TrustStore, _core
from plasma_pack import KeyFileError, OptionError, assemble, cosign, open_packet
from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, compress, seal, write_packet

TEXT = """
input obs f32[64]
output act f32[64] actuator low -1 high 1 safe 0
const m f32[64] = 0.5
const s f32[64] = 2
normalize act, obs, m, s
"""
FROM_SCRATCH = """
import sys
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from tests.pack.test_writer import draft
from plasma_pack.packet.writer import write_packet
key = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
sys.stdout.buffer.write(write_packet(draft(), [key]))
"""


def draft(**fields: object) -> Draft:
    sections = assemble(TEXT).sections
    certificate = fmt.Certificate(**_core.certify(sections))
    manifest = {"name": "walker", "slots": ["b", "a"], "z": {"y": 1, "x": 2.5}}
    return Draft(fmt.Kind.BASE, sections, certificate, manifest, **fields)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def other() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(32))


def test_the_same_draft_and_key_give_the_same_bytes(key: Ed25519PrivateKey) -> None:
    assert write_packet(draft(), [key]) == write_packet(draft(), [key])


def test_another_process_gives_the_same_bytes(key: Ed25519PrivateKey) -> None:
    command = [sys.executable, "-c", FROM_SCRATCH]
    run = subprocess.run(command, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    assert run.stdout == write_packet(draft(), [key])


def test_the_runtime_accepts_what_is_written(key: Ed25519PrivateKey, trust: bytes) -> None:
    info = pe.verify(
        write_packet(draft(sequence=7, channel="lab"), [key]), trust=trust, channel="lab"
    )
    assert info.sequence == 7
    assert info.content_digest == draft().content_digest


def test_the_reader_gives_back_what_was_written(key: Ed25519PrivateKey) -> None:
    opened = open_packet(write_packet(draft(sequence=9), [key]))
    assert opened.sections == draft().sections
    assert opened.manifest["z"] == {"y": 1, "x": 2.5}
    assert opened.slot_names == ["b", "a"]
    assert opened.header.sequence == 9
    assert opened.header.certificate == draft().certificate


def test_a_section_is_compressed_only_where_that_is_smaller() -> None:
    assert compress(bytes(100))[0] == fmt.FLAG_ZSTD
    assert compress(b"abc") == (0, b"abc")


@pytest.mark.parametrize("size", [1000, 1 << 20, (1 << 20) + 1, 3 << 20])
def test_a_frame_states_its_size_and_keeps_its_window_small(size: int) -> None:
    flags, stored = compress(bytes(size))
    frame = zstandard.get_frame_parameters(stored)
    assert flags == fmt.FLAG_ZSTD
    assert frame.content_size == size
    assert frame.window_size <= fmt.MAX_ZSTD_WINDOW
    assert not frame.has_checksum
    assert frame.dict_id == 0


def test_compression_level_does_not_change_the_content_digest(key: Ed25519PrivateKey) -> None:
    opened = open_packet(write_packet(draft(), [key]))
    assert opened.header.content_digest == draft().with_section(300, b"x").content_digest


def test_two_keys_sign_and_both_count(
    key: Ed25519PrivateKey, other: Ed25519PrivateKey, trust: bytes
) -> None:
    packet = write_packet(draft(), [key, other])
    keys = TrustStore.of([trust, public_bytes(other)]).keys
    info = pe.verify(packet, trust=TrustStore(keys, threshold=2))
    assert len(info.signers) == 2


def test_a_reserved_place_is_signed_later(
    key: Ed25519PrivateKey, other: Ed25519PrivateKey, trust: bytes
) -> None:
    packet = write_packet(draft(), [key], [public_bytes(other)])
    store = TrustStore(TrustStore.of([trust, public_bytes(other)]).keys, threshold=2)
    with pytest.raises(SignatureError) as info:
        pe.verify(packet, trust=store)
    assert info.value.code == "E_SIG_THRESHOLD"
    signed = cosign(packet, other)
    assert len(pe.verify(signed, trust=store).signers) == 2
    assert signed == write_packet(draft(), [key, other])
    assert cosign(signed, other) == signed


def test_a_key_without_a_place_cannot_sign(
    key: Ed25519PrivateKey, other: Ed25519PrivateKey
) -> None:
    with pytest.raises(PacketError, match="no place is reserved") as info:
        cosign(write_packet(draft(), [key]), other)
    assert info.value.code == "E_SIG_UNKNOWN_KEY"


def test_a_wrong_signature_is_replaced(key: Ed25519PrivateKey) -> None:
    good = write_packet(draft(), [key])
    packet = bytearray(good)
    packet[fmt.align(open_packet(bytes(packet)).header.signed_len)] ^= 1
    assert cosign(seal(bytes(packet[: -fmt.TRAILER_BYTES])), key) == good
    with pytest.raises(PacketError, match="fetch"):
        cosign(bytes(packet), key)


def test_the_same_key_twice_is_refused(key: Ed25519PrivateKey, trust: bytes) -> None:
    with pytest.raises(KeyFileError, match="given twice"):
        write_packet(draft(), [key, key])
    with pytest.raises(KeyFileError, match="given twice"):
        write_packet(draft(), [key], [trust])


def test_a_packet_nobody_signs_is_refused() -> None:
    with pytest.raises(OptionError, match="found 0 signers"):
        write_packet(draft(), [])


def test_a_manifest_that_is_too_long_is_refused(key: Ed25519PrivateKey) -> None:
    long = Draft(fmt.Kind.BASE, draft().sections, draft().certificate, {"name": "x" * 20_000})
    with pytest.raises(OptionError, match="expected at most 16384"):
        write_packet(long, [key])
