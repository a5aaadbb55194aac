# SPDX-License-Identifier: Apache-2.0
"""What Prometheus reads: requests as they happen, jobs and packets as they are when it asks."""

from __future__ import annotations

import time
from collections.abc import MutableMapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.registry import Registry

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Of one application."""

    def __init__(self, jobs: Jobs, packets: Registry) -> None:
        self._jobs, self._packets = jobs, packets
        self._families = CollectorRegistry()
        self.requests = Counter(
            "plasma_requests", "Requests", ["route", "status"], registry=self._families
        )
        self.seconds = Histogram(
            "plasma_request_seconds", "Time to answer", ["route"], registry=self._families
        )
        self.watchers = Gauge("plasma_watchers", "Open WebSockets", registry=self._families)
        self._states = Gauge("plasma_jobs", "Jobs", ["state"], registry=self._families)
        self._kept = Gauge("plasma_packets", "Packets kept", registry=self._families)

    def text(self) -> bytes:
        """The exposition."""
        for state, count in self._jobs.count().items():
            self._states.labels(state).set(count)
        self._kept.set(self._packets.count())
        return generate_latest(self._families)


class Measured:
    """Middleware that counts and times requests by route: by its template, or a stranger could make labels."""

    def __init__(self, app: Any, metrics: Metrics) -> None:
        self._app, self._metrics = app, metrics

    async def __call__(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, status = time.perf_counter(), 500

        async def noted(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            status = message.get("status", status)
            await send(message)

        try:
            await self._app(scope, receive, noted)
        finally:
            route = getattr(scope.get("route"), "path", "none")
            self._metrics.requests.labels(route, status).inc()
            self._metrics.seconds.labels(route).observe(time.perf_counter() - began)
