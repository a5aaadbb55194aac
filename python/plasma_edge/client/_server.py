"""Requests that survive a bad network: repeated with growing pauses, and never done twice.

A POST carries an idempotency key that is the same in every attempt, so an answer that was lost is asked for again.
"""

from __future__ import annotations

import asyncio
import random
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx2

from plasma_edge.client._config import ClientConfig
from plasma_edge.client._errors import ConnectionLostError, JobFailedError, ServerRefusal

FIRST_PAUSE_S = 0.2
TRY_AGAIN = {429, 502, 503, 504}


@dataclass(frozen=True)
class Job:
    """A job as the server last showed it; `result` once it is done."""

    id: str
    kind: str
    state: str
    progress: float
    params: dict[str, Any]
    result: dict[str, Any] | None
    error: str | None

    @classmethod
    def of(cls, answer: dict[str, Any]) -> Job:
        return cls(**{name: answer[name] for name in cls.__dataclass_fields__})


OnProgress = Callable[[Job], None]


class Server:
    """One connection pool to the server."""

    def __init__(self, config: ClientConfig) -> None:
        self._config = config
        headers = {"User-Agent": f"plasma-agent/{config.agent_id}"}
        if config.token is not None:
            headers["Authorization"] = f"Bearer {config.token}"
        self.http = httpx2.AsyncClient(
            base_url=config.server_url, headers=headers, timeout=config.timeout_s
        )

    async def get(self, path: str, **query: str) -> Any:
        """The JSON at this path."""
        return await self._asked("GET", path, params=query)

    async def submit(self, path: str, body: dict[str, Any]) -> Job:
        """The job that this request became, however many attempts it took."""
        key = f"{self._config.agent_id}:{uuid.uuid4().hex}"
        answer = await self._asked("POST", path, json=body, headers={"Idempotency-Key": key})
        return Job.of(answer)

    async def wait(self, job: Job, on_progress: OnProgress | None) -> Job:
        """The job, done. `on_progress` hears of every change. Raises JobFailedError when it has no result."""
        told = None
        while True:
            if on_progress is not None and (job.state, job.progress) != told:
                told = (job.state, job.progress)
                on_progress(job)
            if job.state == "done":
                return job
            if job.state in ("failed", "cancelled"):
                raise JobFailedError(
                    f"{job.kind} job {job.id} is {job.state}: {job.error or 'no reason given'}; "
                    f"its log is at /jobs/{job.id}/log"
                )
            await asyncio.sleep(self._config.poll_s)
            job = Job.of(await self.get(f"/jobs/{job.id}"))

    async def persistently(self, attempt: Callable[[], Any]) -> Any:
        """What `attempt()` gives, tried again while the network or a busy server is to blame."""
        pause = FIRST_PAUSE_S
        for left in reversed(range(self._config.attempts)):
            try:
                return await attempt()
            except httpx2.TransportError as error:
                if not left:
                    raise ConnectionLostError(
                        f"no answer from {self._config.server_url} after {self._config.attempts} attempts: {error!r}"
                    ) from error
            except ServerRefusal as refusal:
                if not left or refusal.status not in TRY_AGAIN:
                    raise
            # A fleet that lost its server together must not come back together.
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, self._config.longest_pause_s)
        raise AssertionError

    async def _asked(self, method: str, path: str, **options: Any) -> Any:
        async def attempt() -> Any:
            response = await self.http.request(method, path, **options)
            refuse(response)
            return response.json()

        return await self.persistently(attempt)


def refuse(response: httpx2.Response) -> None:
    """Raise what the server refused with. Its body must have been read."""
    if response.status_code < 400:
        return
    try:
        problem = response.json()
        code, detail = str(problem["code"]), str(problem["detail"])
    except (ValueError, KeyError, TypeError):
        code, detail = "error", response.text[:200]
    raise ServerRefusal(response.status_code, code, detail)
