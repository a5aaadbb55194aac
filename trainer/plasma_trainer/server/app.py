# SPDX-License-Identifier: Apache-2.0
"""The application: what was built elsewhere, put together."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, Response, WebSocket
from starlette.websockets import WebSocketDisconnect

from plasma_edge import __version__
from plasma_trainer.server import job_routes, models, packet_routes, problems
from plasma_trainer.server.access import Access
from plasma_trainer.server.guard import Guard
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.metrics import CONTENT_TYPE, Measured, Metrics
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import Tokens

LOOK_S = 0.25  # how often a watcher's next events are looked for


def make_app(settings: Settings) -> FastAPI:
    """A server over the files of `settings`; its workers are other processes."""
    store = Store(settings.database)
    jobs, packets, access = Jobs(store), Registry(store, settings), Access(settings, Tokens(store))
    metrics = Metrics(jobs, packets)
    app = FastAPI(title="plasma-train", version=__version__, docs_url=None, redoc_url=None)
    problems.install(app)
    app.include_router(job_routes.routes(settings, access, jobs, packets))
    app.include_router(packet_routes.routes(access, packets))
    _add_health(app, access, store, metrics)
    _add_watching(app, access, jobs, metrics)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Measured, metrics=metrics)  # the last is the outermost: refusals are counted
    return app


def _add_health(app: FastAPI, access: Access, store: Store, metrics: Metrics) -> None:
    @app.get("/health", tags=["server"])
    def health() -> models.Health:
        """Whether the server and its database answer."""
        store.read("SELECT 1 FROM jobs LIMIT 1")
        return models.Health(status="ok", version=__version__)

    @app.get(
        "/metrics",
        dependencies=[access.may("read")],
        responses=problems.RESPONSES,
        response_class=Response,
        tags=["server"],
    )
    def prometheus() -> Response:
        """Requests, jobs and packets, for Prometheus."""
        return Response(metrics.text(), media_type=CONTENT_TYPE)


def _add_watching(app: FastAPI, access: Access, jobs: Jobs, metrics: Metrics) -> None:
    @app.websocket("/ws/{client_id}")
    async def watch(
        socket: WebSocket,
        client_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")],
        job: Annotated[str | None, Query(pattern=models.JOB_ID)] = None,
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    ) -> None:
        """Events of one job or of all, from now or after an event's id: a watcher that comes back misses none."""
        try:
            access.check(socket, "read")
        except problems.ProblemError as error:
            await socket.close(1008, error.detail)
            return
        await socket.accept()
        metrics.watchers.inc()
        try:
            await _tell(socket, jobs, jobs.last_event() if after is None else after, job)
        except WebSocketDisconnect:
            pass
        finally:
            metrics.watchers.dec()


async def _tell(socket: WebSocket, jobs: Jobs, seen: int, job: str | None) -> None:
    """Send events until the other side goes, or says anything: there is nothing to say."""
    listening: asyncio.Task[Any] = asyncio.ensure_future(socket.receive())
    try:
        while not listening.done():
            for event in await asyncio.to_thread(jobs.events, seen, job):
                await socket.send_json(event)
                seen = event["id"]
            await asyncio.wait({listening}, timeout=LOOK_S)
    finally:
        listening.cancel()
