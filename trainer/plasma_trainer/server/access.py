# SPDX-License-Identifier: Apache-2.0
"""Who asks, and whether they may."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Depends
from fastapi.security import HTTPBearer
from starlette.requests import HTTPConnection

from plasma_trainer.server.problems import ProblemError
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.tokens import Tokens

NOBODY = "local"  # owner of what comes without a token
_shown = HTTPBearer(auto_error=False, description="A token of `plasma-train token create`.")


class Access:
    """Reads the Authorization header of a request or a WebSocket."""

    def __init__(self, settings: Settings, tokens: Tokens) -> None:
        self._settings, self._tokens = settings, tokens

    def may(self, scope: str) -> Any:
        """A dependency: the caller's name. Answers 401 or 403 to whoever lacks this scope."""

        def check(connection: HTTPConnection, _: Annotated[Any, Depends(_shown)]) -> str:
            return self.check(connection, scope)

        return Depends(check)

    def check(self, connection: HTTPConnection, scope: str) -> str:
        """The caller's name. Raises ProblemError."""
        given = connection.headers.get("authorization")
        if given is None and self._settings.is_open:
            return NOBODY
        kind, _, text = (given or "").partition(" ")
        token = self._tokens.check(text.strip()) if kind.lower() == "bearer" else None
        if token is None or not token.is_valid:
            detail = "found no valid token, expected Authorization: Bearer pe_…; plasma-train token create"
            raise ProblemError(401, detail, {"WWW-Authenticate": "Bearer"})
        if scope not in token.scopes:
            found = ", ".join(token.scopes)
            raise ProblemError(403, f"the token may {found}, expected one that may {scope}")
        return token.id
