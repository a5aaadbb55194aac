# SPDX-License-Identifier: Apache-2.0
"""POST /train, /adapt, /audit, /simulate, /evaluate-world, /instruction-packet/compile; and the jobs these become."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse

from plasma_trainer.server import artefacts, models
from plasma_trainer.server.access import Access
from plasma_trainer.server.intake import Intake
from plasma_trainer.server.jobs import Job, Jobs
from plasma_trainer.server.problems import RESPONSES, ProblemError
from plasma_trainer.server.settings import Settings

Id = Annotated[str, Path(pattern=models.JOB_ID)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="The same key gives the same job, however often it is sent.",
    ),
]
State = Annotated[models.State | None, Query(description="only these")]
Kind = Annotated[models.Kind | None, Query(description="only these")]
FILE = {
    200: {"content": {media: {} for media in artefacts.MEDIA.values()}, "description": "The file"}
}


WORK: dict[str, Any] = {
    "status_code": 202,
    "responses": {200: {"model": models.JobView, "description": "What this key became before"}},
    "tags": ["work"],
}


def routes(settings: Settings, access: Access, jobs: Jobs, intake: Intake) -> APIRouter:
    """The routes about jobs."""
    router = APIRouter(responses=RESPONSES)
    _add_work(router, access, intake)
    train, read = access.may("train"), access.may("read")

    @router.get("/jobs", dependencies=[read], tags=["jobs"])
    def list_jobs(
        state: State = None, kind: Kind = None, limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> models.JobList:
        """The newest jobs."""
        return models.JobList(jobs=[view(job) for job in jobs.newest(state, kind, limit)])

    @router.get("/jobs/{id}", dependencies=[read], tags=["jobs"])
    async def get_job(id: Id) -> models.JobView:  # noqa: A002 - the name in the path
        """One job as it is now."""
        return view(intake.job(id))

    @router.post("/jobs/{id}/cancel", dependencies=[train], tags=["jobs"])
    def cancel(id: Id) -> models.JobView:  # noqa: A002
        """Stop it; its files stay, and `retry` goes on with them."""
        intake.job(id)
        return view(jobs.cancel(id))

    @router.post("/jobs/{id}/retry", dependencies=[train], tags=["jobs"])
    def retry(id: Id) -> models.JobView:  # noqa: A002
        """Let a failed or cancelled job go on from its last finished round."""
        intake.job(id)
        return view(jobs.retry(id))

    @router.get(
        "/jobs/{id}/log", dependencies=[read], tags=["jobs"], response_class=PlainTextResponse
    )
    def log(id: Id) -> PlainTextResponse:  # noqa: A002
        """What its command said, the last 256 KB of it."""
        return PlainTextResponse(artefacts.log_tail(intake.job(id), settings))

    @router.get("/jobs/{id}/files", dependencies=[read], tags=["jobs"])
    def list_files(id: Id) -> models.ArtefactList:  # noqa: A002
        """What it has made so far."""
        return models.ArtefactList(files=list(artefacts.artefacts(intake.job(id), settings)))

    @router.get(
        "/jobs/{id}/files/{name}",
        dependencies=[read],
        tags=["jobs"],
        responses=FILE,
        response_class=Response,
    )
    def get_file(id: Id, name: artefacts.Artefact) -> Response:  # noqa: A002
        """One of its files."""
        try:
            data, media = artefacts.artefact(intake.job(id), settings, name)
        except FileNotFoundError:
            raise ProblemError(404, f"job {id} has made no {name}") from None
        return Response(data, media_type=media)

    return router


def _add_work(router: APIRouter, access: Access, intake: Intake) -> None:
    train, publish = access.may("train"), access.may("publish")

    def submit(
        asked: models.Request, owner: str, key: str | None, response: Response
    ) -> models.JobView:
        job, is_new = intake.submit(asked, owner, key)
        response.status_code = 202 if is_new else 200
        response.headers["Location"] = f"/jobs/{job.id}"
        return view(job)

    @router.post("/train", **WORK)
    def train_(
        asked: models.TrainRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Train a policy in imagination only."""
        return submit(asked, owner, key, response)

    @router.post("/adapt", **WORK)
    def adapt(
        asked: models.AdaptRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Learn a LoRA adapter; the base stays frozen."""
        return submit(asked, owner, key, response)

    @router.post("/audit", **WORK)
    def audit(
        asked: models.AuditRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Did the policy learn the task, or the mistakes of its world?"""
        return submit(asked, owner, key, response)

    @router.post("/simulate", **WORK)
    def simulate(
        asked: models.SimulateRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Fly a trained policy in fresh episodes."""
        return submit(asked, owner, key, response)

    @router.post("/evaluate-world", **WORK)
    def evaluate_world(
        asked: models.WorldsRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Fit world models to the same real episodes, and judge them on others."""
        return submit(asked, owner, key, response)

    @router.post("/instruction-packet/compile", **WORK)
    def compile_(
        asked: models.CompileRequest, response: Response, owner: str = publish, key: Key = None
    ) -> models.JobView:
        """Compile to int8. Signed here only if the server was given a key; else staged for a signer elsewhere."""
        return submit(asked, owner, key, response)


def view(job: Job) -> models.JobView:
    """What of a job is shown: not its owner, not its lease."""
    return models.JobView(**{name: getattr(job, name) for name in models.JobView.model_fields})
