# SPDX-License-Identifier: Apache-2.0
"""Templates to responses. Every page forbids its browser what it does not need: other hosts, inline scripts, frames."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from http import HTTPStatus
from importlib.resources import files
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, RedirectResponse
from fastapi.routing import APIRoute
from jinja2 import Environment, PackageLoader, StrictUndefined

from plasma_trainer.errors import UsageError
from plasma_trainer.server.jobs import ConflictError, QueueFullError
from plasma_trainer.server.problems import ProblemError

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "same-origin",  # not no-referrer, with which a form's Origin is null
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
SIGN_IN = "/ui/sign-in"
_MEDIA = {"page.css": "text/css", "page.js": "text/javascript", "icon.svg": "image/svg+xml"}
_STATIC = files(__package__) / "static"
ASSETS = {name: ((_STATIC / name).read_bytes(), media) for name, media in _MEDIA.items()}
_templates = Environment(
    loader=PackageLoader(__package__),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)


def shown(template: str, status: int = 200, **values: Any) -> HTMLResponse:
    """A page."""
    return HTMLResponse(_templates.get_template(template).render(**values), status, HEADERS)


def see(path: str) -> RedirectResponse:
    """Done; look there now."""
    return RedirectResponse(path, 303, HEADERS)


def asset(name: str, if_none_match: str | None) -> Response:
    """A file that pages refer to. Raises KeyError."""
    data, media = ASSETS[name]
    etag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    headers = {"ETag": etag, "Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
    if if_none_match == etag:
        return Response(status_code=304, headers=headers)
    return Response(data, headers=headers, media_type=media)


class PageRoute(APIRoute):
    """A route whose refusals are pages too: whoever is not signed in is sent to where that is done."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """The handler, its errors caught."""
        handle = super().get_route_handler()

        async def handled(request: Request) -> Response:
            try:
                return await handle(request)
            except ProblemError as error:
                return see(SIGN_IN) if error.status == 401 else _refusal(error.status, str(error))
            except RequestValidationError:
                return _refusal(404, "there is no such page")
            except UsageError as error:
                return _refusal(_status(error), str(error))

        return handled


def _refusal(status: int, detail: str) -> HTMLResponse:
    return shown(
        "refusal.html", status, title=HTTPStatus(status).phrase, detail=detail, caller=None, here=""
    )


def _status(error: UsageError) -> int:
    return (
        409
        if isinstance(error, ConflictError)
        else 503
        if isinstance(error, QueueFullError)
        else 422
    )


def _time(seconds: float | None) -> str:
    return (
        "–" if seconds is None else datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M")
    )


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    if minutes >= 60:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


_templates.filters.update(time=_time, duration=_duration)
