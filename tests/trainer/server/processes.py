# SPDX-License-Identifier: Apache-2.0
"""Real servers and workers in processes of their own."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx2

DOCUMENTED = "http://127.0.0.1:8300"  # where the documents' own commands serve
ENV = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
PATIENCE_S = 120.0  # the machine may be busy with other things


def until(holds: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """What `holds()` gives, once it is something."""
    deadline = time.monotonic() + patience_s
    while not (found := holds()):
        assert time.monotonic() < deadline, f"waited {patience_s} s for {holds}"
        time.sleep(0.05)
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def started(command: str, folder: Path) -> Iterator[None]:
    """A documented command that serves, until the block ends. One at a time, also where tests run side by side."""
    with (Path(tempfile.gettempdir()) / "plasma-tests-8300.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        process = subprocess.Popen(command.split(), cwd=folder, env=ENV)
        try:
            with httpx2.Client(base_url=DOCUMENTED) as http:
                until(lambda: process.poll() is not None or answers(http))
            assert process.poll() is None, "the server did not start; is port 8300 free?"
            yield
        finally:
            process.terminate()
            process.wait()


@contextmanager
def running(*command: str) -> Iterator[subprocess.Popen[bytes]]:
    """python with these arguments, ended with the block however that ends."""
    process = subprocess.Popen([sys.executable, *command])
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def serving(data: Path, *options: str, port: int | None = None) -> Iterator[httpx2.Client]:
    """A server without workers, unless told otherwise, and a client for it."""
    port = port or free_port()
    start = ["-m", "plasma_trainer.server", "serve", f"--data={data}", f"--port={port}"]
    with (
        running(*start, *(options or ["--workers=0"])) as process,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client,
    ):
        until(lambda: process.poll() is not None or answers(client))
        assert process.poll() is None, "the server did not start"
        yield client


@contextmanager
def working(data: Path, *key: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that trains hastily."""
    with running(
        str(Path(__file__).with_name("quick_worker.py")), str(data), *map(str, key)
    ) as process:
        yield process


def answers(client: httpx2.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx2.TransportError:
        return False
