"""Whom a device believes."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

import plasma_edge as pe
from plasma_pack.packet.format import Certificate, Kind
from plasma_pack.packet.writer import Draft, write_packet
from plasma_pack.pasm.assembler import assemble

from .conftest import REACH, Signer

NEUTRAL_POINT = bytes([1]) + bytes(31)


def test_every_way_to_say_trust_means_the_same(signer: Signer, key_file: Path) -> None:
    key = signer.public
    said = [key, key.raw, key.line(), str(key_file), key_file, [key], pe.TrustStore((key,))]
    stores = [pe.TrustStore.of(trust) for trust in said]
    assert {store.keys[0].raw for store in stores} == {key.raw}


def test_names_come_from_the_local_store(signer: Signer) -> None:
    store = pe.TrustStore((signer.public,))
    info = pe.verify(signer.base(REACH), trust=store)
    assert [store.name_of(signer_id) for signer_id in info.signers] == ["test key"]
    assert store.name_of(bytes(16)) is None


def test_two_of_two_needs_both(signer: Signer) -> None:
    other = Signer(Ed25519PrivateKey.generate())
    both = pe.TrustStore((signer.public, other.public), threshold=2)
    sections = assemble(REACH).sections
    from plasma_edge import _core

    draft = Draft(Kind.BASE, sections, Certificate(**_core.certify(sections)))
    with pytest.raises(pe.SignatureError, match="E_SIG_THRESHOLD"):
        pe.verify(write_packet(draft, [signer.key]), trust=both)
    assert len(pe.verify(write_packet(draft, [signer.key, other.key]), trust=both).signers) == 2


@pytest.mark.parametrize(
    ("trust", "message"),
    [
        ("plasma-ed25519", "expected a line"),
        ("plasma-ed25519 %%% me", "not base64"),
        ("plasma-ed25519 AAAA me", "E_KEY_INVALID"),
        (bytes(31), "E_KEY_INVALID"),
        (NEUTRAL_POINT, "E_KEY_INVALID"),
        ([], "at least one"),
        (7, "found int"),
        (Path("no-such.pub"), "cannot be read"),
    ],
)
def test_refuses_what_is_not_a_key(trust: object, message: str) -> None:
    with pytest.raises(pe.PlasmaError, match=message) as caught:
        pe.TrustStore.of(trust)
    assert caught.value.code.startswith("E_")


def test_refuses_a_key_given_twice_and_an_impossible_threshold(signer: Signer) -> None:
    key = signer.public
    with pytest.raises(pe.UsageError, match="twice"):
        pe.TrustStore((key, key))
    for threshold in (0, 2):
        with pytest.raises(pe.UsageError, match="threshold"):
            pe.TrustStore((key,), threshold=threshold)
