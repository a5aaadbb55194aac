# SPDX-License-Identifier: Apache-2.0
"""A server looks after its workers, and they do not outlive it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import httpx2

from tests.trainer.server.processes import answers, free_port, running, until


def children(pid: int) -> list[int]:
    """Workers that this process started."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def is_running(pid: int) -> bool:
    """Also of a process that nobody has waited for."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] not in "ZX"
    except FileNotFoundError:
        return False


def test_a_dead_worker_is_replaced_and_none_outlives_its_server(tmp_path: Path) -> None:
    port = free_port()
    start = ["-m", "plasma_trainer.server", "serve", f"--data={tmp_path}", f"--port={port}"]
    server = subprocess.Popen([sys.executable, *start])
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http:
            until(lambda: answers(http))
            (first,) = until(lambda: children(server.pid))
            os.kill(first, signal.SIGKILL)
            (second,) = until(lambda: [pid for pid in children(server.pid) if pid != first])
            assert answers(http)
    finally:
        server.kill()
        server.wait()
    until(lambda: not is_running(second), 30)


def test_a_server_has_no_torch_and_stops_its_workers_first(tmp_path: Path) -> None:
    port = free_port()
    start = ["-m", "plasma_trainer", "serve", f"--data={tmp_path}", f"--port={port}"]
    with (
        running(*start) as server,
        httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as http,
    ):
        until(lambda: answers(http))
        (worker,) = until(lambda: children(server.pid))
        loaded = [Path(f"/proc/{pid}/maps").read_text() for pid in (server.pid, worker)]
        server.terminate()
        assert server.wait(60) == 0
    assert not is_running(worker)
    assert not any("libtorch" in each for each in loaded)


def test_half_of_tls_is_refused(tmp_path: Path) -> None:
    start = ["-m", "plasma_trainer.server", "serve", f"--data={tmp_path}"]
    done = subprocess.run(
        [sys.executable, *start, "--tls-certificate=cert.pem"], capture_output=True, text=True
    )
    assert done.returncode == 2
    assert "found one of them" in done.stderr
