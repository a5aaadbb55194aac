# SPDX-License-Identifier: Apache-2.0
"""The pages, and what their forms do. A form arrives with the session's cookie and the Origin of this server, or not at
all (access.py); what it asks for goes the way of the API (intake.py).
"""

from __future__ import annotations

import secrets
from typing import Annotated, Any
from urllib.parse import parse_qsl

from fastapi import APIRouter, Body, Depends, Header, Path, Request, Response
from pydantic import ValidationError

from plasma_trainer.server import models
from plasma_trainer.server.access import COOKIE, NOBODY, Access, is_from_here
from plasma_trainer.server.artefacts import artefacts, log_tail
from plasma_trainer.server.intake import Intake
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.ladders import ladders
from plasma_trainer.server.page import facts
from plasma_trainer.server.page.shell import ASSETS, SIGN_IN, PageRoute, asset, see, shown
from plasma_trainer.server.problems import ProblemError
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.sessions import SESSION_S, Sessions
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.tokens import Token, Tokens

Id = Annotated[str, Path(pattern=models.JOB_ID)]
Digest = Annotated[str, Path(pattern=models.DIGEST)]
Form = Annotated[bytes, Body(media_type="application/x-www-form-urlencoded")]
LISTED = 100


def routes(
    settings: Settings,
    access: Access,
    sessions: Sessions,
    tokens: Tokens,
    jobs: Jobs,
    packets: Registry,
    intake: Intake,
) -> APIRouter:
    """All of them."""
    router = APIRouter(route_class=PageRoute, include_in_schema=False)
    _add_entrance(router, access, sessions, tokens)
    _add_work(router, access, jobs, intake)  # before what takes any id: one route is /ui/jobs/new
    _add_jobs(router, settings, access, jobs, packets, intake)
    _add_packets(router, access, packets)
    _add_worlds(router, settings, access, jobs)
    _add_ladders(router, settings, access)
    _add_tokens(router, access, tokens)
    return router


def _reader(access: Access) -> Any:
    """A dependency: the caller, who may look."""

    def reader(request: Request) -> Token:
        access.check(request, "read")
        caller = access.caller(request)
        assert caller is not None
        return caller

    return Depends(reader)


def _add_entrance(router: APIRouter, access: Access, sessions: Sessions, tokens: Tokens) -> None:
    @router.get(SIGN_IN)
    def entrance(request: Request) -> Response:
        if access.caller(request) is not None:
            return see("/")
        return shown("sign_in.html", caller=None, here="", wrong=False)

    @router.post(SIGN_IN)
    def sign_in(request: Request, form: Form = b"") -> Response:
        if not is_from_here(request):
            raise ProblemError(403, "this form belongs to another site")
        token = tokens.check(_fields(form).get("token", "").strip())
        if token is None or not token.is_valid:
            return shown("sign_in.html", 401, caller=None, here="", wrong=True)
        answer = see("/")
        answer.set_cookie(
            COOKIE,
            sessions.begin(token),
            max_age=SESSION_S,
            secure=request.url.scheme == "https",
            httponly=True,
            samesite="strict",
        )
        return answer

    @router.post("/ui/sign-out")
    def sign_out(request: Request) -> Response:
        if access.caller(request) not in (None, NOBODY):
            sessions.end(request.cookies.get(COOKIE, ""))
        answer = see(SIGN_IN)
        answer.delete_cookie(COOKIE)
        return answer

    @router.get("/ui/static/{name}")
    def static(
        name: str, if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None
    ) -> Response:
        if name not in ASSETS:
            raise ProblemError(404, "there is no such file")
        return asset(name, if_none_match)


def _add_jobs(
    router: APIRouter,
    settings: Settings,
    access: Access,
    jobs: Jobs,
    packets: Registry,
    intake: Intake,
) -> None:
    reader = _reader(access)

    @router.get("/")
    def list_jobs(caller: Token = reader) -> Response:
        after, found = jobs.last_event(), jobs.newest(None, None, LISTED)
        return shown(
            "jobs.html",
            caller=caller,
            here="jobs",
            lines=facts.lines(found, jobs),
            counts=jobs.count(),
            after=after,
        )

    @router.get("/ui/jobs/{id}")
    def show_job(id: Id, caller: Token = reader) -> Response:  # noqa: A002 - the name in the path
        job = intake.job(id)
        points, after = facts.curve(job, jobs)
        related = [each for each in jobs.newest(None, None, LISTED, job.run) if each.id != job.id]
        bases = packets.newest(run=job.params["base"]) if job.kind == "adapt" else []
        return shown(
            "job.html",
            caller=caller,
            here="jobs",
            line=facts.lines([job], jobs)[0],
            points=points,
            after=after,
            goal=facts.goal(job),
            log=log_tail(job, settings),
            files=artefacts(job, settings),
            worlds=facts.worlds(job, settings) if job.kind == "worlds" else None,
            related=facts.lines(related, jobs),
            packets=packets.newest(run=job.run),
            bases=bases,
            name=facts.name,
            can_compile=settings.key is not None or bool(settings.signers),
            key=secrets.token_hex(8),
        )


def _add_work(router: APIRouter, access: Access, jobs: Jobs, intake: Intake) -> None:
    reader = _reader(access)

    def form(caller: Token, asked: dict[str, str], error: str | None) -> Response:
        return shown(
            "new_job.html",
            422 if error else 200,
            caller=caller,
            here="jobs",
            asked=asked,
            error=error,
            key=secrets.token_hex(8),
            environments=facts.environments(),
        )

    @router.get("/ui/jobs/new")
    def new_job(caller: Token = reader) -> Response:
        return form(caller, {}, None)

    @router.post("/ui/jobs")
    def submit(request: Request, form_: Form = b"", caller: Token = reader) -> Response:
        asked = _fields(form_)
        kind, key = asked.pop("kind", ""), asked.pop("key", None)
        if kind not in models.REQUESTS:
            raise ProblemError(422, "the form does not say what to do")
        owner = access.check(request, models.REQUESTS[kind].scope)
        try:
            wanted = models.REQUESTS[kind].model_validate(asked)
            job, _ = intake.submit(wanted, owner, key and f"page:{key[:64]}")
        except (ValidationError, ProblemError) as error:
            if kind not in ("train", "worlds"):
                raise ProblemError(422, _why(error)) from error
            return form(caller, {"kind": kind, **asked}, _why(error))
        return see(f"/ui/jobs/{job.id}")

    @router.post("/ui/jobs/{id}/cancel")
    def cancel(id: Id, request: Request) -> Response:  # noqa: A002
        access.check(request, "train")
        jobs.cancel(intake.job(id).id)
        return see(f"/ui/jobs/{id}")

    @router.post("/ui/jobs/{id}/retry")
    def retry(id: Id, request: Request) -> Response:  # noqa: A002
        access.check(request, "train")
        jobs.retry(intake.job(id).id)
        return see(f"/ui/jobs/{id}")


def _add_packets(router: APIRouter, access: Access, packets: Registry) -> None:
    reader = _reader(access)

    @router.get("/ui/packets")
    def list_packets(caller: Token = reader) -> Response:
        found = packets.newest()
        return shown("packets.html", caller=caller, here="packets", packets=found, name=facts.name)

    @router.get("/ui/packets/{digest}")
    def show_packet(digest: Digest, caller: Token = reader) -> Response:
        try:
            entry = packets.get(digest)
        except KeyError:
            raise ProblemError(404, f"no packet has the digest {digest}") from None
        bases, adapters = facts.lineage(entry, packets.newest())
        return shown(
            "packet.html",
            caller=caller,
            here="packets",
            packet=entry,
            about=entry.description,
            bases=bases,
            adapters=adapters,
            name=facts.name,
        )


def _add_worlds(router: APIRouter, settings: Settings, access: Access, jobs: Jobs) -> None:
    reader = _reader(access)

    @router.get("/ui/worlds")
    def list_worlds(caller: Token = reader) -> Response:
        judged = facts.lines(jobs.newest("done", "worlds", LISTED), jobs)
        return shown(
            "worlds.html",
            caller=caller,
            here="worlds",
            judged=[
                (line, facts.worlds(line.job, settings), artefacts(line.job, settings))
                for line in judged
            ],
        )


def _add_ladders(router: APIRouter, settings: Settings, access: Access) -> None:
    reader = _reader(access)

    @router.get("/ladder")
    def list_ladders(caller: Token = reader) -> Response:
        shown_ = [(ladder, facts.Scale.of(ladder)) for ladder in ladders(settings)]
        return shown("ladder.html", caller=caller, here="ladder", ladders=shown_)


def _add_tokens(router: APIRouter, access: Access, tokens: Tokens) -> None:
    reader = _reader(access)

    @router.get("/ui/tokens")
    def list_tokens(request: Request, caller: Token = reader) -> Response:
        access.check(request, "admin")
        return shown("tokens.html", caller=caller, here="tokens", tokens=tokens.all())

    @router.post("/ui/tokens/{id}/revoke")
    def revoke(id: str, request: Request) -> Response:  # noqa: A002
        access.check(request, "admin")
        tokens.revoke(id)
        return see("/ui/tokens")


def _fields(form: bytes) -> dict[str, str]:
    """What was filled in; what was left empty is left to its default."""
    return {name: value for name, value in parse_qsl(form.decode("utf-8", "replace")) if value}


def _why(error: ValidationError | ProblemError) -> str:
    if isinstance(error, ProblemError):
        return str(error)
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
