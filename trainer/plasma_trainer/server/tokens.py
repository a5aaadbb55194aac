# SPDX-License-Identifier: Apache-2.0
"""API tokens: `pe_<id>_<secret>`, shown once, kept as a hash, scoped, expiring."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import time
from dataclasses import dataclass

from plasma_trainer.errors import UsageError
from plasma_trainer.server.store import Row, Store

SCOPES = ("read", "train", "publish", "admin")
_FORM = re.compile(r"pe_([0-9a-f]{16})_([0-9a-f]{64})")
_NAME = re.compile(r"[\w .@-]{1,64}", re.ASCII)


@dataclass(frozen=True)
class Token:
    """What is known of a token. The secret is not."""

    id: str
    name: str
    scopes: tuple[str, ...]
    expires: float
    is_revoked: bool

    @property
    def is_valid(self) -> bool:
        return not self.is_revoked and time.time() < self.expires


class Tokens:
    """The table of tokens."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def create(self, name: str, scopes: tuple[str, ...], days: float) -> str:
        """A new token's text. Nobody can show it again."""
        unknown = sorted(set(scopes) - set(SCOPES))
        if unknown or not scopes:
            raise UsageError(
                f"scopes: found {', '.join(unknown) or 'none'}, expected some of {', '.join(SCOPES)}"
            )
        if not _NAME.fullmatch(name):
            raise UsageError(
                f"name: found {name!r}, expected 1 to 64 letters, digits, spaces or .@_-"
            )
        id_, secret = secrets.token_hex(8), secrets.token_hex(32)
        now = time.time()
        with self._store.write() as db:
            db.execute(
                "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, 0)",
                (id_, name, _hash(secret), " ".join(scopes), now, now + days * 86_400),
            )
        return f"pe_{id_}_{secret}"

    def all(self) -> list[Token]:
        """Oldest first, the revoked and expired included."""
        rows = self._store.read("SELECT * FROM tokens ORDER BY created")
        return [_token(row) for row in rows]

    def revoke(self, id_: str) -> None:
        """From now on it opens nothing."""
        with self._store.write() as db:
            changed = db.execute("UPDATE tokens SET is_revoked = 1 WHERE id = ?", (id_,)).rowcount
        if not changed:
            raise UsageError(f"no token has the id {id_!r}; plasma-train token list shows them")

    def check(self, text: str) -> Token | None:
        """The token with this text, valid or not; None when it is nobody's."""
        form = _FORM.fullmatch(text)
        if form is None:
            return None
        rows = self._row(form[1])
        if not rows or not hmac.compare_digest(rows[0]["hash"], _hash(form[2])):
            return None
        return _token(rows[0])

    def get(self, id_: str) -> Token | None:
        """The token with this id, valid or not."""
        rows = self._row(id_)
        return _token(rows[0]) if rows else None

    def _row(self, id_: str) -> list[Row]:
        return self._store.read("SELECT * FROM tokens WHERE id = ?", id_)


def _token(row: Row) -> Token:
    return Token(
        row["id"],
        row["name"],
        tuple(row["scopes"].split()),
        row["expires"],
        bool(row["is_revoked"]),
    )


def _hash(secret: str) -> str:
    return hashlib.sha256(bytes.fromhex(secret)).hexdigest()
