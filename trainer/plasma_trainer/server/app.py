# SPDX-License-Identifier: Apache-2.0
"""The application: what was built elsewhere, put together."""

from __future__ import annotations

from fastapi import FastAPI, Response

from plasma_edge import __version__
from plasma_trainer.server import (
    job_routes,
    ladders,
    models,
    packet_routes,
    page,
    problems,
    watching,
)
from plasma_trainer.server.access import Access
from plasma_trainer.server.guard import Guard
from plasma_trainer.server.intake import Intake
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.metrics import CONTENT_TYPE, Measured, Metrics
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.sessions import Sessions
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import Tokens


def make_app(settings: Settings) -> FastAPI:
    """A server over the files of `settings`; its workers are other processes."""
    store = Store(settings.database)
    jobs, packets, tokens = Jobs(store), Registry(store, settings), Tokens(store)
    sessions = Sessions(store, tokens)
    access, intake = Access(settings, tokens, sessions), Intake(settings, jobs, packets)
    metrics = Metrics(jobs, packets)
    app = FastAPI(title="plasma-train", version=__version__, docs_url=None, redoc_url=None)
    problems.install(app)
    app.include_router(job_routes.routes(settings, access, jobs, intake))
    app.include_router(packet_routes.routes(access, packets))
    app.include_router(ladders.routes(settings, access))
    app.include_router(page.routes(settings, access, sessions, tokens, jobs, packets, intake))
    _add_health(app, access, store, metrics)
    watching.install(app, access, jobs, metrics)
    app.add_middleware(Guard, settings=settings)
    app.add_middleware(Measured, metrics=metrics)  # the last is the outermost: refusals are counted
    return app


def _add_health(app: FastAPI, access: Access, store: Store, metrics: Metrics) -> None:
    @app.get("/health", tags=["server"], responses={503: problems.RESPONSES[503]})
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
