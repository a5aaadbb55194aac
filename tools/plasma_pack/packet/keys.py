# SPDX-License-Identifier: Apache-2.0
"""Ed25519 keys as files: private ones PKCS#8 PEM that nobody else may read, public ones a single
line.

A private key never leaves the workstation; a robot only ever gets `plasma-ed25519 <base64>
<comment>`.
"""

from __future__ import annotations

import base64
import os
import stat
from collections.abc import Sequence
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import PublicKey, TrustStore
from plasma_pack.errors import KeyFileError
from plasma_pack.packet.atomic import write_file

ALGORITHM = "plasma-ed25519"
Password = str | bytes | None
Key = str | Path | Ed25519PrivateKey


def public_line(key: PublicKey) -> str:
    """The one line that a public key file holds."""
    return f"{ALGORITHM} {base64.b64encode(key.raw).decode()} {key.comment}".rstrip() + "\n"


def keygen(
    path: str | Path, *, comment: str = "", password: Password = None, replace: bool = False
) -> PublicKey:
    """Make a key pair: the private key at `path` (0600), the public one beside it (.pem → .pub).

    Raises KeyFileError when either file is there already, unless `replace` says that they may go.
    """
    private_path = Path(path)
    public_path = public_path_of(private_path)
    if public_path == private_path:
        raise KeyFileError(f"{path} ends in .pub, which is for public keys; end it in .pem")
    for existing in (private_path, public_path):
        if not replace and (existing.exists() or existing.is_symlink()):
            raise KeyFileError(f"{existing} exists; choose another name or move it away first")
    private_key = Ed25519PrivateKey.generate()
    public_key = PublicKey(public_bytes(private_key), _clean_comment(comment or private_path.stem))
    save_private(private_key, private_path, password=password, replace=replace)
    _write(public_path, public_line(public_key).encode(), 0o644, replace)
    return public_key


def public_path_of(private_path: Path) -> Path:
    """Where keygen puts the public half: release.pem -> release.pub."""
    return private_path.with_suffix(".pub")


def save_private(
    key: Ed25519PrivateKey,
    path: str | Path,
    *,
    password: Password = None,
    replace: bool = False,
) -> None:
    """Write PKCS#8 PEM, mode 0600 from its first byte on, encrypted when a password is given."""
    encryption: serialization.KeySerializationEncryption = serialization.NoEncryption()
    if password is not None:
        if not password:
            raise KeyFileError("the password is empty; pass None for a key without one")
        encryption = serialization.BestAvailableEncryption(_password_bytes(password) or b"")
    pem = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, encryption
    )
    _write(Path(path), pem, 0o600, replace)


def load_private(path: str | Path, *, password: Password = None) -> Ed25519PrivateKey:
    """Read a private key. A password that an unprotected key does not need is not used.

    Raises KeyFileError when group or others may read the file, or when it is not an Ed25519 key.
    """
    pem = _read_private_file(Path(path))
    is_encrypted = b"BEGIN ENCRYPTED PRIVATE KEY" in pem
    if is_encrypted and password is None:
        raise KeyFileError(f"{path} is protected by a password; pass it")
    try:
        key = serialization.load_pem_private_key(
            pem, _password_bytes(password) if is_encrypted else None
        )
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyFileError(
            f"{path} is not a PKCS#8 PEM private key, or the password is wrong"
        ) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyFileError(
            f"{path} holds another kind of key; expected Ed25519, as plasma-pack keygen makes"
        )
    return key


def load_keys(keys: Key | Sequence[Key], *, password: Password = None) -> list[Ed25519PrivateKey]:
    """One key or several, given as PEM paths or loaded keys."""
    if isinstance(keys, (str, Path, Ed25519PrivateKey)):
        keys = [keys]
    return [
        key if isinstance(key, Ed25519PrivateKey) else load_private(key, password=password)
        for key in keys
    ]


def public_bytes(key: Ed25519PrivateKey) -> bytes:
    """The 32 raw bytes of the public half."""
    return key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def load_public(path: str | Path) -> PublicKey:
    """Read the one public key of a `.pub` file."""
    keys = TrustStore.from_files(path).keys
    if len(keys) != 1:
        raise KeyFileError(f"{path} holds {len(keys)} keys, expected one")
    return keys[0]


def _read_private_file(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode):
                raise KeyFileError(f"{path} is not a regular file")
            data = file.read()
            if data.startswith(ALGORITHM.encode()):
                raise KeyFileError(
                    f"{path} is a public key; pass the private one that keygen wrote beside it"
                )
            if status.st_mode & 0o077:
                raise KeyFileError(
                    f"{path} has mode {stat.S_IMODE(status.st_mode):04o}, others may read it; "
                    f"run: chmod 600 {path}"
                )
            return data
    except OSError as error:
        raise KeyFileError(f"{path} cannot be read: {error.strerror}") from error


def _write(path: Path, data: bytes, mode: int, replace: bool) -> None:
    try:
        write_file(path, data, mode=mode, replace=replace)
    except FileExistsError as error:
        raise KeyFileError(f"{path} exists; a key is never overwritten unasked") from error
    except OSError as error:
        raise KeyFileError(f"{path} cannot be written: {error.strerror}") from error


def _clean_comment(comment: str) -> str:
    if not comment.isprintable() or not comment.isascii():
        raise KeyFileError("the comment of a key must be printable ASCII")
    return comment.strip()


def _password_bytes(password: Password) -> bytes | None:
    return password.encode() if isinstance(password, str) else password
