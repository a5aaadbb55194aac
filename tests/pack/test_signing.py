"""Signatures made elsewhere, with the tools that people have there."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

import plasma_edge as pe
from plasma_pack import attach, dsse_envelope, keygen, load_private, load_public, prepare
from plasma_pack.packet import format as fmt
from plasma_pack.packet.root import TrustRoot

from .test_cli import Run, refused, run

__all__ = ["run"]


@pytest.fixture
def unsigned(run: Run) -> Run:  # noqa: F811
    """x.plasma waits for the signature of hsm.pem alone."""
    keygen("hsm.pem", comment="the safe")
    assert run("build", "base.pasm", "--signer", "hsm.pub", "-o", "x.plasma").exit_code == 0
    return run


def test_openssl_signs_what_prepare_wrote(unsigned: Run) -> None:
    refused(unsigned("verify", "x.plasma", "--trust", "hsm.pub"), "E_SIG_THRESHOLD")
    assert unsigned("prepare", "x.plasma", "-o", "x.tbs").exit_code == 0
    sign = "openssl pkeyutl -sign -rawin -in x.tbs -inkey hsm.pem -out x.sig"
    subprocess.run(sign.split(), check=True)
    args = ("--signature", "x.sig", "--signer", "hsm.pub")
    assert unsigned("attach", "x.plasma", *args).exit_code == 0
    assert "the safe" in unsigned("verify", "x.plasma", "--trust", "hsm.pub").stdout


@pytest.mark.parametrize("encode", [bytes.hex, lambda s: base64.encodebytes(s).decode()])
def test_a_signature_may_be_text(unsigned: Run, encode: object) -> None:
    assert callable(encode)
    signature = load_private("hsm.pem").sign(prepare("x.plasma"))
    Path("x.sig").write_text(encode(signature))
    args = ("--signature", "x.sig", "--signer", "hsm.pub", "-o", "y.plasma")
    assert unsigned("attach", "x.plasma", *args).exit_code == 0
    assert unsigned("verify", "y.plasma", "--trust", "hsm.pub").exit_code == 0


def test_a_wrong_signature_is_not_attached(unsigned: Run) -> None:
    before = Path("x.plasma").read_bytes()
    args = ("--signature", "x.sig", "--signer", "hsm.pub")
    Path("x.sig").write_bytes(bytes(64))
    refused(unsigned("attach", "x.plasma", *args), "E_SIG_BAD")
    Path("x.sig").write_bytes(bytes(63))
    refused(unsigned("attach", "x.plasma", *args), "E_PACK_OPTION")
    refused(unsigned("attach", "x.plasma", "--signature", "no.sig", *args[2:]), "E_PACK_OPTION")
    Path("x.sig").write_bytes(load_private("key.pem").sign(prepare("x.plasma")))
    refused(unsigned("attach", "x.plasma", *args), "E_SIG_BAD")
    refused(unsigned("attach", "x.plasma", *args[:2], "--signer", "key.pub"), "E_SIG_UNKNOWN_KEY")
    assert Path("x.plasma").read_bytes() == before


def test_a_root_is_signed_as_a_root(unsigned: Run) -> None:
    hsm = load_public("hsm.pub")
    data = TrustRoot.first().with_key("hsm", hsm, "root", "base").sign()
    assert fmt.TRUST_TYPE.encode() in prepare(data)
    signed = attach(data, load_private("hsm.pem").sign(prepare(data)), hsm)
    assert pe.verify_root(signed).version == 1


def test_the_envelope_is_dsse(unsigned: Run) -> None:
    assert dsse_envelope("x.plasma")["signatures"] == []
    assert unsigned("cosign", "x.plasma", "--key", "hsm.pem").exit_code == 0
    assert unsigned("export-dsse", "x.plasma", "-o", "x.json").exit_code == 0
    envelope = json.loads(Path("x.json").read_text())
    assert envelope == json.loads(unsigned("export-dsse", "x.plasma").stdout)
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"]
    message = f"DSSEv1 {len(kind)} {kind} {len(payload)} ".encode() + payload
    (signature,) = envelope["signatures"]
    hsm = load_public("hsm.pub")
    assert signature["keyid"] == hsm.id.hex()
    key = Ed25519PublicKey.from_public_bytes(hsm.raw)
    key.verify(base64.b64decode(signature["sig"]), message)
