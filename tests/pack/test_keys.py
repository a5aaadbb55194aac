"""Key files: who may read them, what is in them, and that none is ever lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from plasma_edge import TrustStore
from plasma_pack import KeyFileError, keygen, load_private, load_public
from plasma_pack.packet.keys import load_keys, public_bytes


def test_keygen_writes_a_private_key_that_only_its_owner_reads(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    public = keygen(path, comment="release 2026")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text().startswith("-----BEGIN PRIVATE KEY-----")
    assert public_bytes(load_private(path)) == public.raw


def test_the_public_line_is_what_the_runtime_reads(tmp_path: Path) -> None:
    public = keygen(tmp_path / "release.pem", comment="release 2026")
    line = (tmp_path / "release.pub").read_text()
    assert line.startswith("plasma-ed25519 ")
    assert line.endswith(" release 2026\n")
    assert TrustStore.of(line).keys == (public,)
    assert load_public(tmp_path / "release.pub") == public


def test_no_temporary_file_is_left(tmp_path: Path) -> None:
    keygen(tmp_path / "release.pem")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["release.pem", "release.pub"]


def test_a_public_key_does_not_sign(tmp_path: Path) -> None:
    keygen(tmp_path / "release.pem")
    with pytest.raises(KeyFileError, match="release.pub is a public key"):
        load_private(tmp_path / "release.pub")


@pytest.mark.parametrize("existing", ["release.pem", "release.pub"])
def test_a_key_is_never_overwritten_unasked(tmp_path: Path, existing: str) -> None:
    (tmp_path / existing).write_text("precious")
    with pytest.raises(KeyFileError, match="exists"):
        keygen(tmp_path / "release.pem")
    assert (tmp_path / existing).read_text() == "precious"


def test_a_key_is_replaced_when_asked(tmp_path: Path) -> None:
    first = keygen(tmp_path / "release.pem")
    second = keygen(tmp_path / "release.pem", replace=True)
    assert first.raw != second.raw == load_public(tmp_path / "release.pub").raw


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o601])
def test_a_private_key_that_others_may_touch_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "release.pem"
    keygen(path)
    path.chmod(mode)
    with pytest.raises(KeyFileError, match=f"mode {mode:04o}.*chmod 600"):
        load_private(path)


def test_a_password_protects_a_private_key(tmp_path: Path) -> None:
    path = tmp_path / "release.pem"
    public = keygen(path, password="open sesame")
    assert b"ENCRYPTED" in path.read_bytes()
    assert public_bytes(load_private(path, password="open sesame")) == public.raw
    with pytest.raises(KeyFileError, match="protected by a password"):
        load_private(path)
    with pytest.raises(KeyFileError, match="password is wrong"):
        load_private(path, password="guess")


def test_an_empty_password_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="password is empty"):
        keygen(tmp_path / "release.pem", password="")


def test_protected_and_unprotected_keys_sign_together(tmp_path: Path) -> None:
    keygen(tmp_path / "a.pem", password="secret")
    keygen(tmp_path / "b.pem")
    assert len(load_keys([tmp_path / "a.pem", tmp_path / "b.pem"], password="secret")) == 2


def test_a_key_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ec.pem"
    path.write_bytes(
        ec.generate_private_key(ec.SECP256R1()).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="expected Ed25519"):
        load_private(path)


@pytest.mark.parametrize("content", [b"", b"-----BEGIN PRIVATE KEY-----\nAA\n"])
def test_a_file_that_is_no_private_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(KeyFileError, match="not a PKCS#8 PEM"):
        load_private(path)


def test_a_missing_key_and_a_directory_are_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_private(tmp_path / "none.pem")
    with pytest.raises(KeyFileError, match="cannot be read"):
        load_private(tmp_path)


def test_a_comment_that_would_move_the_cursor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match="printable ASCII"):
        keygen(tmp_path / "release.pem", comment="\x1b[2Jroot")


def test_a_private_key_named_like_a_public_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyFileError, match=r"ends in \.pub"):
        keygen(tmp_path / "release.pub")
