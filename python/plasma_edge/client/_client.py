"""The verbs of an agent, for asyncio."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from plasma_edge import PacketInfo, Policy, UsageError, verify
from plasma_edge.client._config import ClientConfig, TaskRequest
from plasma_edge.client._download import fetch, keep
from plasma_edge.client._errors import NotSignedError, ServerRefusal
from plasma_edge.client._server import Job, OnProgress, Server

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Deployment:
    """A packet that was trained for this agent, verified and stored."""

    content_digest: str
    path: Path
    info: PacketInfo
    training: Job
    audit: Job


class PlasmaAgentClient:
    """Asks a server to train, and runs only what its own trust verifies."""

    def __init__(self, config: ClientConfig) -> None:
        self._config, self._server = config, Server(config)

    async def __aenter__(self) -> PlasmaAgentClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections. Jobs go on."""
        await self._server.http.aclose()

    async def train(self, task: TaskRequest, on_progress: OnProgress | None = None) -> Job:
        """Train a policy for the task; `result` says whether it was solved, and with how many real steps."""
        return await self._done("/train", task.training(), on_progress)

    async def adapt(
        self,
        task: TaskRequest,
        variant: str,
        base: str | None = None,
        on_progress: OnProgress | None = None,
    ) -> Job:
        """Learn an adapter of `task.lora_rank` for a plant on which `variant` broke something, such as `reversed`.

        base: a training job; default: the task's newest.
        """
        base = base or await self._newest_run(task.task_name)
        return await self._done("/adapt", task.adapting(base, variant), on_progress)

    async def simulate(
        self, task: TaskRequest, run: str | None = None, on_progress: OnProgress | None = None
    ) -> Job:
        """Fly `task.num_simulations` episodes with the policy of a training job; default: the task's newest."""
        body = {
            "run": run or await self._newest_run(task.task_name),
            "episodes": task.num_simulations,
            "seed": task.seed,
            "description": task.task_description,
        }
        return await self._done("/simulate", body, on_progress)

    async def train_and_deploy(
        self, task: TaskRequest, on_progress: OnProgress | None = None
    ) -> Deployment:
        """Train, audit, compile, fetch, verify, store.

        Raises NotSignedError when the server only stages packets: once their signers have signed,
        `load_instruction_packet` takes the content digest that the error names.
        """
        training = await self.train(task, on_progress)
        return await self._deployed(training, task, {}, on_progress)

    async def adapt_and_deploy(
        self,
        task: TaskRequest,
        variant: str,
        base: str,
        on_progress: OnProgress | None = None,
    ) -> Deployment:
        """The same for an adapter of a packet that was deployed before: `base` is its content digest.

        `load_instruction_packet` then gives the base with the adapter attached.
        """
        packet = await self._signed(base)
        training = await self.adapt(task, variant, packet["run"], on_progress)
        return await self._deployed(training, task, {"base_packet": packet["digest"]}, on_progress)

    async def load_instruction_packet(self, content_digest: str) -> Policy:
        """The policy with this content digest; for an adapter, its base with the adapter attached.

        What is stored already needs no server. Everything is verified as it is loaded.
        """
        path = self._path(content_digest)
        if not path.exists():
            path, _ = await self._fetched(content_digest)
        base = path.with_suffix(".base")
        if not base.exists():
            return Policy.load(path, trust=self._trust)
        policy = Policy.load(self._path(base.read_text()), trust=self._trust)
        policy.attach(path)
        return policy

    async def _deployed(
        self,
        training: Job,
        task: TaskRequest,
        lineage: dict[str, str],
        on_progress: OnProgress | None,
    ) -> Deployment:
        """Audit, compile, fetch, verify, store."""
        asked = {"run": training.id, "seed": task.seed}
        audit = await self._done("/audit", asked, on_progress)
        wanted = {"run": training.id, "channel": task.channel, "sequence": task.sequence, **lineage}
        compiled = await self._done("/instruction-packet/compile", wanted, on_progress)
        assert compiled.result is not None
        content_digest = str(compiled.result["content_digest"])
        path, info = await self._fetched(content_digest)
        return Deployment(content_digest, path, info, training, audit)

    async def _done(self, path: str, body: dict[str, Any], on_progress: OnProgress | None) -> Job:
        return await self._server.wait(await self._server.submit(path, body), on_progress)

    async def _newest_run(self, task_name: str) -> str:
        found = await self._server.get("/jobs", kind="train", state="done", limit="500")
        for job in found["jobs"]:
            if job["params"]["env"] == task_name:
                return str(job["id"])
        raise UsageError(f"the server has no finished training of {task_name}; call train first")

    async def _fetched(self, content_digest: str) -> tuple[Path, PacketInfo]:
        """Download, verify, store: in this order."""
        trust = self._trust  # before anything is asked for
        path = self._path(content_digest)
        about = await self._signed(content_digest)
        base = about["base_digest"]
        if base is not None and not self._path(base).exists():
            await self._fetched(base)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"{about['digest']}.part")
        data = await fetch(self._server, about["digest"], part)
        try:
            info = verify(data, trust=trust, base=None if base is None else self._path(base))
            if info.content_digest.hex() != content_digest:
                raise UsageError(
                    f"the server sent packet {info.content_digest.hex()}, expected {content_digest}"
                )
        except Exception:
            part.unlink()
            raise
        if base is not None:
            path.with_suffix(".base").write_text(base)
        keep(part, path)
        return path, info

    async def _signed(self, content_digest: str) -> dict[str, Any]:
        """What the registry says of the newest signed packet with this content."""
        found = (await self._server.get("/packets", content_digest=content_digest))["packets"]
        for packet in found:
            if packet["is_signed"]:
                return dict(packet)
        if not found:
            raise ServerRefusal(404, "not_found", f"no packet has the content {content_digest}")
        raise NotSignedError(
            f"packet {found[0]['digest']} is staged and not signed yet; sign it with plasma-pack prepare and "
            f"attach, send it to POST /packets, then load content {content_digest}"
        )

    def _path(self, content_digest: str) -> Path:
        """Only a digest becomes a file's name, whoever sent it."""
        if not _DIGEST.fullmatch(content_digest):
            raise UsageError(
                f"found {content_digest[:80]!r}, expected a digest: 64 hexadecimal digits"
            )
        return self._config.store / f"{content_digest}.plasma"

    @property
    def _trust(self) -> object:
        if self._config.trust is None:
            raise UsageError("ClientConfig has no trust; pass trust=: a root.plasma or a .pub file")
        return self._config.trust
