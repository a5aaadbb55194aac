"""The verbs of an agent, for code without asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType

from plasma_edge import Policy
from plasma_edge.client._client import Deployment, PlasmaAgentClient
from plasma_edge.client._config import ClientConfig, TaskRequest
from plasma_edge.client._server import Job, OnProgress


class PlasmaAgent:
    """PlasmaAgentClient on an event loop of its own; call it from one thread."""

    def __init__(self, config: ClientConfig) -> None:
        self._runner, self._client = asyncio.Runner(), PlasmaAgentClient(config)

    def __enter__(self) -> PlasmaAgent:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. Jobs go on."""
        self._runner.run(self._client.close())
        self._runner.close()

    def train(self, task: TaskRequest, on_progress: OnProgress | None = None) -> Job:
        return self._runner.run(self._client.train(task, on_progress))

    def adapt(
        self,
        task: TaskRequest,
        variant: str,
        base: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Job:
        return self._runner.run(self._client.adapt(task, variant, base, on_progress))

    def simulate(
        self, task: TaskRequest, run: str | None = None, on_progress: OnProgress | None = None
    ) -> Job:
        return self._runner.run(self._client.simulate(task, run, on_progress))

    def train_and_deploy(
        self, task: TaskRequest, on_progress: OnProgress | None = None
    ) -> Deployment:
        return self._runner.run(self._client.train_and_deploy(task, on_progress))

    def adapt_and_deploy(
        self,
        task: TaskRequest,
        variant: str,
        base: str,
        on_progress: OnProgress | None = None,
    ) -> Deployment:
        return self._runner.run(self._client.adapt_and_deploy(task, variant, base, on_progress))

    def load_instruction_packet(self, content_digest: str) -> Policy:
        return self._runner.run(self._client.load_instruction_packet(content_digest))
