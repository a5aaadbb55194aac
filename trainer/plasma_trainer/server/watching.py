# SPDX-License-Identifier: Apache-2.0
"""WS /ws/{client_id}: events as they happen, for as long as the watcher may see them."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, Path, Query, WebSocket
from starlette.websockets import WebSocketDisconnect

from plasma_trainer.server import models
from plasma_trainer.server.access import Access
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.metrics import Metrics
from plasma_trainer.server.problems import ProblemError

LOOK_S = 0.25  # how often a watcher's next events are looked for, and its token


def install(app: FastAPI, access: Access, jobs: Jobs, metrics: Metrics) -> None:
    """Add the route."""

    @app.websocket("/ws/{client_id}")
    async def watch(
        socket: WebSocket,
        client_id: Annotated[str, Path(pattern=r"^[A-Za-z0-9._-]{1,64}$")],
        job: Annotated[str | None, Query(pattern=models.JOB_ID)] = None,
        after: Annotated[int | None, Query(ge=0, lt=2**63)] = None,
    ) -> None:
        """Events of one job or of all, from now or after an event's id: a watcher that comes back misses none."""
        metrics.watchers.inc()
        try:
            access.check(socket, "read")
            await socket.accept()
            await _tell(socket, access, jobs, jobs.last_event() if after is None else after, job)
        except WebSocketDisconnect:
            pass
        except ProblemError as error:
            await socket.close(1008, error.detail)
        finally:
            metrics.watchers.dec()


async def _tell(socket: WebSocket, access: Access, jobs: Jobs, seen: int, job: str | None) -> None:
    """Send events until the other side goes, or says anything: there is nothing to say. Raises ProblemError once its
    token has expired or was revoked.
    """

    def look() -> list[dict[str, Any]]:
        access.check(socket, "read")
        return jobs.events(seen, job)

    listening: asyncio.Task[Any] = asyncio.ensure_future(socket.receive())
    try:
        while not listening.done():
            for event in await asyncio.to_thread(look):
                await socket.send_json(event)
                seen = event["id"]
            await asyncio.wait({listening}, timeout=LOOK_S)
    finally:
        listening.cancel()
