# SPDX-License-Identifier: Apache-2.0
"""Sessions of browsers: a cookie stands for a token for half a day, and the token itself stays out of the browser.

Only a hash of the cookie is kept. A session opens what its token opens now: revoked, it opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
import time

from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import Token, Tokens

SESSION_S = 12 * 3600


class Sessions:
    """The table of sessions."""

    def __init__(self, store: Store, tokens: Tokens) -> None:
        self._store, self._tokens = store, tokens

    def begin(self, token: Token) -> str:
        """The cookie's value. Sessions that are over are forgotten."""
        value, now = secrets.token_hex(32), time.time()
        with self._store.write() as db:
            db.execute("DELETE FROM sessions WHERE expires < ?", (now,))
            db.execute(
                "INSERT INTO sessions VALUES (?, ?, ?)", (_hash(value), token.id, now + SESSION_S)
            )
        return value

    def token(self, value: str) -> Token | None:
        """The token that this cookie stands for, valid or not; None when the session is over or was never."""
        rows = self._store.read(
            "SELECT token FROM sessions WHERE hash = ? AND expires > ?", _hash(value), time.time()
        )
        return self._tokens.get(rows[0]["token"]) if rows else None

    def end(self, value: str) -> None:
        """The cookie opens nothing any more."""
        with self._store.write() as db:
            db.execute("DELETE FROM sessions WHERE hash = ?", (_hash(value),))


def _hash(value: str) -> str:
    return hashlib.sha256(value.encode("utf-8", "replace")).hexdigest()
