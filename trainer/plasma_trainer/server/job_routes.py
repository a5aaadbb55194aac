# SPDX-License-Identifier: Apache-2.0
"""POST /train, /adapt, /audit, /simulate, /instruction-packet/compile; and the jobs that these become."""

from __future__ import annotations

from typing import Annotated, Literal

import gymnasium as gym
from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import PlainTextResponse

from plasma_trainer.server import models
from plasma_trainer.server.access import Access
from plasma_trainer.server.jobs import ConflictError, Job, Jobs
from plasma_trainer.server.problems import RESPONSES, ProblemError
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings

MAX_LOG_BYTES = 256 << 10
Id = Annotated[str, Path(pattern=models.JOB_ID)]
Key = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[!-~]{1,128}$",
        description="The same key gives the same job, however often it is sent.",
    ),
]
State = Annotated[
    Literal["queued", "running", "done", "failed", "cancelled"] | None,
    Query(description="only these"),
]
Kind = Annotated[
    Literal["train", "adapt", "audit", "simulate", "compile"] | None,
    Query(description="only these"),
]


def routes(settings: Settings, access: Access, jobs: Jobs, packets: Registry) -> APIRouter:
    """The routes about jobs."""
    router = APIRouter(responses=RESPONSES)
    train, publish, read = access.may("train"), access.may("publish"), access.may("read")

    def submit(
        kind: str,
        asked: models.Request,
        owner: str,
        key: str | None,
        response: Response,
        run: str | None = None,
    ) -> models.JobView:
        job, is_new = jobs.submit(
            kind, asked.params(), owner=owner, run=run, priority=asked.priority, key=key
        )
        response.status_code = 202 if is_new else 200
        response.headers["Location"] = f"/jobs/{job.id}"
        return view(job)

    def existing(id_: str) -> Job:
        try:
            return jobs.get(id_)
        except KeyError:
            raise ProblemError(404, f"no job has the id {id_}") from None

    def finished(id_: str, *kinds: str) -> Job:
        job = existing(id_)
        if job.kind not in kinds:
            raise ProblemError(
                422, f"job {id_} is of kind {job.kind}, expected {' or '.join(kinds)}"
            )
        if job.state != "done":
            raise ConflictError(f"job {id_} is {job.state}, expected one that is done")
        return job

    @router.post("/train", status_code=202, tags=["work"])
    def train_(
        asked: models.TrainRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Train a policy in imagination only."""
        if asked.threshold is None and gym.spec(asked.env).reward_threshold is None:
            raise ProblemError(
                422, f"{asked.env} was registered without a reward threshold; send `threshold`"
            )
        return submit("train", asked, owner, key, response)

    @router.post("/adapt", status_code=202, tags=["work"])
    def adapt(
        asked: models.AdaptRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Learn a LoRA adapter; the base stays frozen."""
        finished(asked.base, "train")
        return submit("adapt", asked, owner, key, response)

    @router.post("/audit", status_code=202, tags=["work"])
    def audit(
        asked: models.AuditRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Did the policy learn the task, or the mistakes of its world?"""
        finished(asked.run, "train", "adapt")
        return submit("audit", asked, owner, key, response, asked.run)

    @router.post("/simulate", status_code=202, tags=["work"])
    def simulate(
        asked: models.SimulateRequest, response: Response, owner: str = train, key: Key = None
    ) -> models.JobView:
        """Fly a trained policy in fresh episodes."""
        finished(asked.run, "train", "adapt")
        return submit("simulate", asked, owner, key, response, asked.run)

    @router.post("/instruction-packet/compile", status_code=202, tags=["work"])
    def compile_(
        asked: models.CompileRequest, response: Response, owner: str = publish, key: Key = None
    ) -> models.JobView:
        """Compile to int8. Signed here only if the server was given a key; else staged for a signer elsewhere."""
        if settings.key is None and not settings.signers:
            raise ConflictError("this server knows no signer; start it with --signer or --key")
        run = finished(asked.run, "train", "adapt")
        if (run.kind == "adapt") != (asked.base_packet is not None):
            raise ProblemError(422, "base_packet is for adapters, and an adapter needs it")
        if asked.base_packet is not None:
            try:
                packets.get(asked.base_packet)
            except KeyError:
                raise ProblemError(404, f"no packet has the digest {asked.base_packet}") from None
        return submit("compile", asked, owner, key, response, asked.run)

    @router.get("/jobs", dependencies=[read], tags=["jobs"])
    def list_jobs(
        state: State = None, kind: Kind = None, limit: Annotated[int, Query(ge=1, le=500)] = 100
    ) -> models.JobList:
        """The newest jobs."""
        return models.JobList(jobs=[view(job) for job in jobs.newest(state, kind, limit)])

    @router.get("/jobs/{id}", dependencies=[read], tags=["jobs"])
    def get_job(id: Id) -> models.JobView:  # noqa: A002 - the name in the path
        """One job as it is now."""
        return view(existing(id))

    @router.post("/jobs/{id}/cancel", dependencies=[train], tags=["jobs"])
    def cancel(id: Id) -> models.JobView:  # noqa: A002
        """Stop it; its files stay, and `retry` goes on with them."""
        existing(id)
        return view(jobs.cancel(id))

    @router.post("/jobs/{id}/retry", dependencies=[train], tags=["jobs"])
    def retry(id: Id) -> models.JobView:  # noqa: A002
        """Let a failed or cancelled job go on from its last finished round."""
        existing(id)
        return view(jobs.retry(id))

    @router.get(
        "/jobs/{id}/log", dependencies=[read], tags=["jobs"], response_class=PlainTextResponse
    )
    def log(id: Id) -> PlainTextResponse:  # noqa: A002
        """What its command said, the last 256 KB of it."""
        path = settings.job(existing(id).id) / "log.txt"
        if not path.exists():
            return PlainTextResponse("")
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - MAX_LOG_BYTES))
            return PlainTextResponse(file.read().decode("utf-8", "replace"))

    return router


def view(job: Job) -> models.JobView:
    """What of a job is shown: not its owner, not its lease."""
    return models.JobView(**{name: getattr(job, name) for name in models.JobView.model_fields})
