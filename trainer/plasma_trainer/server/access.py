# SPDX-License-Identifier: Apache-2.0
"""Who asks, and whether they may."""

from __future__ import annotations

from math import inf
from typing import Annotated, Any
from urllib.parse import urlsplit

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from plasma_trainer.server.problems import ProblemError
from plasma_trainer.server.sessions import Sessions
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.tokens import SCOPES, Token, Tokens

COOKIE = "plasma_session"
NOBODY = Token("local", "this machine", SCOPES, inf, False)  # whoever comes without a token
_shown = HTTPBearer(auto_error=False, description="A token of `plasma-train token create`.")


class Access:
    """Reads the Authorization header of a request or a WebSocket, or the cookie of the page."""

    def __init__(self, settings: Settings, tokens: Tokens, sessions: Sessions) -> None:
        self._settings, self._tokens, self._sessions = settings, tokens, sessions

    def may(self, scope: str) -> Any:
        """A dependency: the caller's name. Answers 401 or 403 to whoever lacks this scope."""

        # A read of one row: on the event loop it costs less than the way to a thread and back.
        async def check(connection: HTTPConnection, _: Annotated[Any, Depends(_shown)]) -> str:
            return self.check(connection, scope)

        return Depends(check)

    def check(self, connection: HTTPConnection, scope: str) -> str:
        """The caller's name. Raises ProblemError."""
        token = self.caller(connection)
        if token is None:
            detail = "found no valid token, expected Authorization: Bearer pe_…; plasma-train token create"
            raise ProblemError(401, detail, {"WWW-Authenticate": "Bearer"})
        if scope not in token.scopes:
            found = ", ".join(token.scopes)
            raise ProblemError(403, f"the token may {found}, expected one that may {scope}")
        return token.id

    def caller(self, connection: HTTPConnection) -> Token | None:
        """The valid token of whoever asks."""
        given, cookie = connection.headers.get("authorization"), connection.cookies.get(COOKIE)
        token = None
        if given is not None:
            kind, _, text = given.partition(" ")
            token = self._tokens.check(text.strip()) if kind.lower() == "bearer" else None
        elif self._settings.is_open:
            return NOBODY
        elif cookie is not None and (_only_looks(connection) or is_from_here(connection)):
            token = self._sessions.token(cookie)
        return token if token is not None and token.is_valid else None


def is_from_here(connection: HTTPConnection) -> bool:
    """Whether a page of this server asks, as its browser testifies: no other page can set its Origin."""
    try:
        origin = urlsplit(connection.headers.get("origin", "")).netloc
    except ValueError:
        return False
    return bool(origin) and origin == connection.headers.get("host")


def _only_looks(connection: HTTPConnection) -> bool:
    """Browsers send no Origin with such requests of a page's own; those of other pages come without the cookie."""
    return connection.scope.get("method") in ("GET", "HEAD")
