"""Whom a device believes: public keys, each one line `plasma-ed25519 <base64> <comment>`, or a trust root, which is a
packet.

Imported on every robot before its first step, so without what takes longer than that: pathlib, dataclasses.
"""

from __future__ import annotations

import binascii
import os
from collections.abc import Iterable
from typing import Final

from plasma_edge import _core
from plasma_edge._errors import UsageError

_PREFIX = "plasma-ed25519"
_PACKET_MAGIC = b"\x89PLMA\r\n\x1a"
_MAX_BYTES = 65_536
AUDIT_LEVELS = ("none", "unverified", "verified")


class PublicKey:
    """An Ed25519 public key (32 bytes) and the name its owner gave it."""

    __slots__ = ("comment", "raw")

    def __init__(self, raw: bytes, comment: str = "") -> None:
        _core.check_public_key(raw)
        self.raw: Final = raw
        self.comment: Final = comment

    def __repr__(self) -> str:
        return f"PublicKey.parse({self.line()!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PublicKey) and self.line() == other.line()

    def __hash__(self) -> int:
        return hash(self.raw)

    @property
    def id(self) -> bytes:
        """The 16 bytes by which packets name their signers."""
        return _core.signer_id(self.raw)

    def line(self) -> str:
        """The key as the one line that public key files hold."""
        return f"{_PREFIX} {binascii.b2a_base64(self.raw, newline=False).decode()} {self.comment}".rstrip()

    @classmethod
    def parse(cls, line: str) -> PublicKey:
        """Reads one line `plasma-ed25519 <base64> <comment>`."""
        fields = line.strip().split(maxsplit=2)
        if len(fields) < 2 or fields[0] != _PREFIX:
            raise UsageError(
                f"found {line.strip()[:40]!r}, expected a line '{_PREFIX} <base64> <comment>'"
            )
        try:
            raw = binascii.a2b_base64(fields[1], strict_mode=True)
        except binascii.Error as error:
            raise UsageError(f"the key {fields[1]!r} is not base64: {error}") from error
        return cls(raw, fields[2] if len(fields) == 3 else "")


class TrustStore:
    """Public keys, and how many distinct ones must have signed a packet; or what a trust root says.

    `root`: its bytes, None for a list of keys. A root has thresholds of its own, by kind of packet (verify_root).

    >>> TrustStore.from_files("alice.pub", "bob.pub", threshold=2)
    >>> TrustStore.from_root("root.plasma")
    """

    __slots__ = ("keys", "root", "threshold")

    def __init__(self, keys: tuple[PublicKey, ...], threshold: int = 1) -> None:
        if not keys:
            raise UsageError(
                "a trust store without keys trusts nobody; pass at least one public key"
            )
        if len({key.raw for key in keys}) != len(keys):
            raise UsageError("the same key is given twice; distinct keys are counted once")
        if not 1 <= threshold <= len(keys):
            raise UsageError(
                f"threshold: found {threshold}, expected 1 to {len(keys)} (the number of keys)"
            )
        self.keys = keys
        self.threshold = threshold
        self.root: bytes | None = None

    def __repr__(self) -> str:
        if self.root is not None:
            return f"TrustStore.from_root({len(self.root)} bytes)"
        return f"TrustStore({self.keys}, threshold={self.threshold})"

    @classmethod
    def from_files(cls, *paths: str | os.PathLike[str], threshold: int = 1) -> TrustStore:
        """Reads public key files: one key a line, blank lines and lines beginning with # ignored."""
        keys = [key for path in paths for key in _read_keys(path)]
        return cls(tuple(keys), threshold)

    @classmethod
    def from_root(cls, root: str | os.PathLike[str] | bytes) -> TrustStore:
        """Verifies a trust root by its own keys. The file must lie where only the device's owner writes."""
        data = root if isinstance(root, bytes) else _read(root)
        keys = tuple(PublicKey(raw, name) for name, raw in _core.root_keys(data))
        store = cls(keys)
        store.root = data
        return store

    @classmethod
    def of(cls, trust: object) -> TrustStore:
        """What `trust=` accepts: a TrustStore, a path to a .pub file or a root.plasma, the bytes of a root; a key,
        a key line, 32 raw bytes, or several of these.
        """
        if isinstance(trust, TrustStore):
            return trust
        if isinstance(trust, (list, tuple)):
            return cls(tuple(key for part in trust for key in _list_of_keys(part)))
        if isinstance(trust, bytes) and trust.startswith(_PACKET_MAGIC):
            return cls.from_root(trust)
        if isinstance(trust, PublicKey):
            return cls((trust,))
        if isinstance(trust, (bytes, bytearray)):
            return cls((PublicKey(bytes(trust)),))
        if isinstance(trust, str) and trust.startswith(_PREFIX):
            return cls((PublicKey.parse(trust),))
        if isinstance(trust, (str, os.PathLike)):
            data = _read(trust)
            return cls.from_root(data) if data.startswith(_PACKET_MAGIC) else cls.from_files(trust)
        raise UsageError(
            f"trust: found {type(trust).__name__}, expected a path to a .pub file or a root.plasma, "
            "a TrustStore, a key line, 32 bytes, or a list of keys"
        )

    def name_of(self, signer_id: bytes) -> str | None:
        """The comment of the key with this id in *this* store; None when it holds no such key."""
        return next(
            (key.comment or "(no comment)" for key in self.keys if key.id == signer_id), None
        )


def audit_level(name: str) -> int:
    """The number of an audit verdict as the packet's header holds it."""
    if name not in AUDIT_LEVELS:
        raise UsageError(
            f"require_audit: found {name!r}, expected one of {', '.join(AUDIT_LEVELS)}"
        )
    return AUDIT_LEVELS.index(name)


def _list_of_keys(trust: object) -> tuple[PublicKey, ...]:
    store = TrustStore.of(trust)
    if store.root is not None:
        raise UsageError("trust: a trust root stands alone; found it in a list of keys")
    return store.keys


def _read(path: str | os.PathLike[str]) -> bytes:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            data = file.read(_MAX_BYTES + 1)
    except OSError as error:
        raise UsageError(f"trust: {os.fspath(path)} cannot be read: {error.strerror}") from error
    if len(data) > _MAX_BYTES:
        raise UsageError(f"trust: {os.fspath(path)} has more than {_MAX_BYTES} bytes")
    return data


def _read_keys(path: str | os.PathLike[str]) -> Iterable[PublicKey]:
    try:
        text = _read(path).decode()
    except UnicodeDecodeError as error:
        raise UsageError(f"{os.fspath(path)} is not a public key file: {error}") from error
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if not lines:
        raise UsageError(
            f"{os.fspath(path)} holds no key; expected a line '{_PREFIX} <base64> <comment>'"
        )
    return [PublicKey.parse(line) for line in lines]
