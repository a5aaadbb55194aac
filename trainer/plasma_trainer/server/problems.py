# SPDX-License-Identifier: Apache-2.0
"""Every error leaves as application/problem+json (RFC 9457) with a code that programs can hold on to."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from plasma_edge import PlasmaError
from plasma_trainer.errors import UsageError
from plasma_trainer.server.blobs import BlobsError
from plasma_trainer.server.jobs import ConflictError, QueueFullError
from plasma_trainer.server.models import Problem
from plasma_trainer.server.store import StoreError

MEDIA = "application/problem+json"
CODES = {
    400: "bad_request",
    401: "unauthenticated",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    409: "conflict",
    413: "too_large",
    416: "range_not_satisfiable",
    422: "invalid",
    429: "too_many_requests",
    500: "internal",
    503: "busy",
}
STATUSES = (
    (ConflictError, 409),
    (QueueFullError, 503),
    (StoreError, 503),
    (BlobsError, 503),
    (UsageError, 422),
)
RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"model": Problem, "description": HTTPStatus(status).phrase}
    for status in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}


class ProblemError(Exception):
    """An answer that is an error."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def problem(
    status: int, detail: str, headers: dict[str, str] | None = None, **more: Any
) -> JSONResponse:
    """The response."""
    return JSONResponse(
        {
            "type": "about:blank",
            "title": HTTPStatus(status).phrase,
            "status": status,
            "code": CODES.get(status, "error"),
            "detail": detail,
            **more,
        },
        status,
        headers,
        MEDIA,
    )


def install(app: FastAPI) -> None:
    """Answer this package's exceptions, and the framework's, with problems."""

    @app.exception_handler(ProblemError)
    async def _problem(_: Request, error: ProblemError) -> JSONResponse:
        return problem(error.status, error.detail, error.headers)

    @app.exception_handler(HTTPException)
    async def _http(_: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), dict(error.headers or {}))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        found = [
            {"where": ".".join(str(part) for part in each["loc"]), "what": each["msg"]}
            for each in error.errors()
        ]
        first = found[0] if found else {"where": "request", "what": "is not valid"}
        return problem(422, f"{first['where']}: {first['what']}", errors=found)

    app.openapi = lambda: _contract(app)  # type: ignore[method-assign]
    for kind, status in STATUSES:
        app.add_exception_handler(kind, _answer_with(status))
    app.add_exception_handler(PlasmaError, _answer_with(422))

    @app.exception_handler(Exception)
    async def _ours(_: Request, __: Exception) -> JSONResponse:
        return problem(500, "the server made a mistake; its log says which")


def _contract(app: FastAPI) -> dict[str, Any]:
    """The framework's contract, with the media type that problems have."""
    contract, schema = FastAPI.openapi(app), {"schema": {"$ref": "#/components/schemas/Problem"}}
    for verbs in contract["paths"].values():
        for operation in verbs.values():
            for status, answer in operation["responses"].items():
                if int(status) >= 400:  # the framework gives them the media type of the answer
                    answer["content"] = {MEDIA: schema}
    return contract


def _answer_with(status: int) -> Any:
    async def answer(_: Request, error: Exception) -> JSONResponse:
        return problem(status, str(error))

    return answer
