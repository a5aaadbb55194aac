# SPDX-License-Identifier: Apache-2.0
"""What a request must not do before anybody looks at it: be too large, too slow, too frequent, or come from a page.

ASGI middleware, outermost. Without tokens a server listens to this machine alone, but so does every page that a
browser on it shows: a foreign Host (DNS rebinding) or Origin is refused.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

import h11
from fastapi import HTTPException
from uvicorn.protocols.http.h11_impl import H11Protocol

from plasma_trainer.server.problems import problem
from plasma_trainer.server.settings import LOOPBACK, Settings

MAX_JSON_BYTES = 64 << 10
MAX_PACKET_BYTES = 64 << 20
BODY_S = 20.0  # for a whole body
HEADERS_S = 10.0  # for a whole request line and its headers
MAX_CONNECTIONS = 1024
MAX_KNOWN = 4096  # buckets
CLOSE = {"Connection": "close"}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Guard:
    """Middleware around the application."""

    def __init__(self, app: Any, settings: Settings) -> None:
        self._app, self._settings = app, settings
        self._buckets: dict[str, tuple[float, float]] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        refusal = self._refusal(scope)
        if refusal is None:
            await self._pass(scope, receive, send)
        elif scope["type"] == "http":
            await problem(*refusal)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": refusal[1]})

    def _refusal(self, scope: Scope) -> tuple[int, str, dict[str, str]] | None:
        headers = {name.lower(): value.decode("latin-1") for name, value in scope["headers"]}
        if self._settings.is_open and _is_foreign(headers):
            return (
                403,
                "without tokens, requests come from this machine and from no page of another site",
                {},
            )
        if not self._has_budget((scope["client"] or ("",))[0]):
            return 429, "too many requests; wait a second", {"Retry-After": "1"}
        length = headers.get(b"content-length", "0")
        limit = _limit(scope)
        if not length.isdigit() or int(length) > limit:
            return 413, f"the body has {length[:20]} bytes, expected at most {limit}", {}
        return None

    async def _pass(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit, seen, deadline = _limit(scope), 0, time.monotonic() + BODY_S
        is_body_read = False

        async def limited() -> MutableMapping[str, Any]:
            nonlocal seen, is_body_read
            if is_body_read:
                return await receive()
            try:
                message = await asyncio.wait_for(receive(), max(0.0, deadline - time.monotonic()))
            except TimeoutError:
                raise HTTPException(
                    408, f"the body took longer than {BODY_S:.0f} s", CLOSE
                ) from None
            seen += len(message.get("body", b""))
            is_body_read = not message.get("more_body", False)
            if seen > limit:
                raise HTTPException(413, f"the body has more than {limit} bytes", CLOSE)
            return message

        await self._app(scope, limited, send)

    def _has_budget(self, who: str) -> bool:
        """A bucket for each caller: `requests_per_s` flow in, two seconds' worth fit."""
        rate, now = self._settings.requests_per_s, time.monotonic()
        if len(self._buckets) >= MAX_KNOWN and who not in self._buckets:
            self._buckets.pop(next(iter(self._buckets)))
        level, at = self._buckets.get(who, (2 * rate, now))
        level = min(2 * rate, level + (now - at) * rate)
        has_budget = level >= 1
        self._buckets[who] = (level - has_budget, now)
        return has_budget


class ImpatientProtocol(H11Protocol):
    """HTTP/1.1 that closes a connection whose request has not arrived after HEADERS_S: uvicorn itself would wait."""

    _give_up: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._give_up = self.loop.call_later(HEADERS_S, transport.abort)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        is_waiting = self.conn.their_state is h11.IDLE and self.conn.our_state is h11.IDLE
        if not is_waiting and self._give_up is not None:
            self._give_up.cancel()
            self._give_up = None
        elif is_waiting and self._give_up is None:
            self._give_up = self.loop.call_later(HEADERS_S, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._give_up is not None:
            self._give_up.cancel()
        super().connection_lost(exc)


def _limit(scope: Scope) -> int:
    is_upload = scope["type"] == "http" and (scope["method"], scope["path"]) == ("POST", "/packets")
    return MAX_PACKET_BYTES if is_upload else MAX_JSON_BYTES


def _is_foreign(headers: dict[bytes, str]) -> bool:
    try:
        host = urlsplit(f"//{headers.get(b'host', '')}")
        origin = headers.get(b"origin")
        is_ours = origin is None or urlsplit(origin).netloc == host.netloc
        return host.hostname not in LOOPBACK or not is_ours
    except ValueError:  # no host at all
        return True
