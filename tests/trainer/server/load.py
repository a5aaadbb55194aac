# SPDX-License-Identifier: Apache-2.0
"""A fleet that asks for news and a few people who watch, for minutes.

    python -m tests.trainer.server.load --minutes 10

Each agent reads its channel of the registry once a second; meanwhile jobs begin and end, which the watchers hear of.
Prints the times of the registry's answers as the agents saw them, errors, and how the server's memory grew after the
first tenth. Server and agents share the machine; a busy one shows in the tails.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx2
import numpy as np
from websockets.asyncio.client import connect

from plasma_pack import build, keygen
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import Tokens
from tests.trainer.server.conftest import PROGRAM
from tests.trainer.server.processes import answers, free_port, running, until
from tests.trainer.server.record import record

AGENTS = 200
WATCHERS = 20
CHANNELS = 20  # of as many packets


class Fleet:
    """Everybody who asks, and what they met."""

    def __init__(self, url: str, token: str, seconds: float) -> None:
        self._url, self._end = url, time.monotonic() + seconds
        self._headers = {"Authorization": f"Bearer {token}"}
        self.seconds: list[float] = []
        self.errors: list[str] = []
        self.heard = 0

    async def run(self) -> None:
        limits = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
        async with httpx2.AsyncClient(
            base_url=self._url, headers=self._headers, limits=limits, timeout=30
        ) as http:
            agents = [self._agent(http, index) for index in range(AGENTS)]
            watchers = [self._watcher(index) for index in range(WATCHERS)]
            await asyncio.gather(self._news(http), *agents, *watchers)

    async def _agent(self, http: httpx2.AsyncClient, index: int) -> None:
        due = time.monotonic() + random.random()
        while due < self._end:
            await asyncio.sleep(due - time.monotonic())
            began = time.monotonic()
            try:
                answer = await http.get("/packets", params={"channel": f"c{index % CHANNELS}"})
                if answer.status_code != 200 or len(answer.json()["packets"]) != 1:
                    self.errors.append(f"{answer.status_code}: {answer.text[:200]}")
            except httpx2.TransportError as error:
                self.errors.append(repr(error))
            self.seconds.append(time.monotonic() - began)
            due = max(due + 1.0, time.monotonic())

    async def _watcher(self, index: int) -> None:
        address = f"{self._url.replace('http', 'ws', 1)}/ws/watcher-{index}"
        async with connect(address, additional_headers=self._headers) as socket:
            while (left := self._end - time.monotonic()) > 0:
                try:
                    async with asyncio.timeout(left):
                        await socket.recv()
                except TimeoutError:
                    return
                self.heard += 1

    async def _news(self, http: httpx2.AsyncClient) -> None:
        """Two events a second."""
        while time.monotonic() < self._end:
            job = (await http.post("/train", json={"env": "CartPole-v1"})).json()
            await http.post(f"/jobs/{job['id']}/cancel")
            await asyncio.sleep(1.0)


def load(folder: Path, minutes: float) -> dict[str, Any]:
    """The figures of so many minutes."""
    token = _school(folder)
    port = free_port()
    start = ["-m", "plasma_trainer.server", "serve", f"--data={folder}", f"--port={port}"]
    with running(*start, "--workers=0", "--require-token") as server:
        url = f"http://127.0.0.1:{port}"
        with httpx2.Client(base_url=url) as http:
            until(lambda: answers(http))
        began = time.monotonic()
        warm = Fleet(url, token, 6 * minutes)
        asyncio.run(warm.run())
        before = _resident_bytes(server.pid)
        fleet = Fleet(url, token, 54 * minutes)
        asyncio.run(fleet.run())
        after = _resident_bytes(server.pid)
    p50, p99, p999 = np.percentile(fleet.seconds, [50, 99, 99.9]) * 1e3
    assert fleet.heard
    return {
        "agents": AGENTS,
        "watchers": WATCHERS,
        "minutes": round((time.monotonic() - began) / 60, 1),
        "reads": len(warm.seconds) + len(fleet.seconds),
        "p50_ms": round(p50, 1),
        "p99_ms": round(p99, 1),
        "p99.9_ms": round(p999, 1),
        "errors": len(warm.errors) + len(fleet.errors),
        "first_error": next(iter(warm.errors + fleet.errors), None),
        "events_heard": warm.heard + fleet.heard,
        "server_mb": round(after / 2**20, 1),
        "memory_growth": round(after / before - 1, 4),
    }


def _school(folder: Path) -> str:
    """A registry with a packet in each channel; a token to read it."""
    settings = Settings(folder)
    store = Store(settings.database)
    keygen(folder / "release.pem")
    for index in range(CHANNELS):
        source = folder / "policy.pasm"
        source.write_text(PROGRAM.format(weight=index))
        packet = build(source, key=folder / "release.pem").data
        Registry(store, settings).add(packet, channel=f"c{index}")
    return Tokens(store).create("fleet", ("read", "train"), 1)


def _resident_bytes(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return 1024 * int(status.split("VmRSS:")[1].split()[0])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        figures = load(Path(folder), args.minutes)
    record("load", " ".join(["python -m tests.trainer.server.load", *sys.argv[1:]]), figures)


if __name__ == "__main__":
    main()
