# SPDX-License-Identifier: Apache-2.0
"""One HTTP server and its workers: the workers are processes of their own, started again when they die."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import uvicorn

from plasma_trainer.server.app import make_app
from plasma_trainer.server.guard import MAX_CONNECTIONS, ImpatientProtocol
from plasma_trainer.server.settings import ARTEFACTS, DATABASE, Settings

AGAIN_S = 1.0
STOP_S = 15.0
log = logging.getLogger("uvicorn.error")


def serve(settings: Settings, workers: int) -> None:
    """Serve until SIGTERM or Ctrl-C."""
    settings.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = uvicorn.Config(
        make_app(settings),
        host=settings.host,
        port=settings.port,
        http=ImpatientProtocol,
        ws="websockets-sansio",
        ws_max_size=1 << 16,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=10,
        timeout_graceful_shutdown=5,
        server_header=False,
        proxy_headers=False,
        access_log=False,
        ssl_certfile=settings.certificate,
        ssl_keyfile=settings.certificate_key,
    )
    # uvicorn stops in good order and then raises the signal again, which must not skip stopping the workers.
    signal.signal(signal.SIGTERM, _leave)
    for name, url in ((DATABASE, settings.postgresql), (ARTEFACTS, settings.artefacts)):
        if url is not None:
            os.environ[name] = url  # for the workers
    with _supervised([worker_command(settings, os.getpid())] * workers):
        uvicorn.Server(config).run()


def _leave(*_: object) -> None:
    raise SystemExit(0)


def worker_command(settings: Settings, parent: int) -> list[str]:
    """How a worker of these settings is started; it ends when the process `parent` is gone."""
    signers = [f"--signer={signer}" for signer in settings.signers]
    key = [f"--key={settings.key}"] if settings.key else []
    start = [sys.executable, "-m", "plasma_trainer.server", "worker"]
    return [*start, f"--data={settings.data}", f"--parent={parent}", *signers, *key]


@contextmanager
def _supervised(commands: Sequence[list[str]]) -> Iterator[None]:
    """Keep one process for each command running."""
    must_stop = threading.Event()
    threads = [threading.Thread(target=_keep, args=(each, must_stop)) for each in commands]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        must_stop.set()
        for thread in threads:
            thread.join()


def _keep(command: list[str], must_stop: threading.Event) -> None:
    while not must_stop.is_set():
        process = subprocess.Popen(command, start_new_session=True)
        while process.poll() is None and not must_stop.wait(0.1):
            pass
        if must_stop.is_set():
            process.terminate()
            try:
                process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            return
        log.warning("a worker ended with status %s; starting another", process.returncode)
        must_stop.wait(AGAIN_S)
