# SPDX-License-Identifier: Apache-2.0
"""A worker: leases a job, runs its command in a process of its own, watches it, keeps what it made.

Whoever is killed, a run directory never has two writers. A command holds a lock on its job's directory for as long as
it lives, because it inherits the open lock file; the next worker first ends what still holds it.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from plasma_edge import PlasmaError
from plasma_pack import keygen, open_packet
from plasma_pack.packet.atomic import write_file
from plasma_trainer.errors import TrainerError
from plasma_trainer.server import commands, staging
from plasma_trainer.server.blobs import BlobsError
from plasma_trainer.server.jobs import Job, Jobs
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store, StoreError

TRAINER = (sys.executable, "-m", "plasma_trainer")
POLL_S = 0.2
RENEW_S = 1.0
GRACE_S = 5.0  # between asking a command to stop and ending it
LINE = "400"  # columns: the command's lines are read here, and must not be wrapped
LOG_BYTES = 1 << 20  # of the log's end, read to find points of the curve


class Worker:
    """`trainer` is how plasma-train is started."""

    def __init__(self, settings: Settings, trainer: Sequence[str] = TRAINER) -> None:
        store = Store(settings.database)
        self._settings, self._trainer = settings, trainer
        self._jobs, self._registry = Jobs(store), Registry(store, settings)
        self._must_stop = False

    def run(self, parent: int | None = None) -> None:
        """Work until SIGTERM or Ctrl-C, or until the process `parent`, which started this one, is gone."""
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, self._stop)
        while not self._must_stop:
            if parent is not None and os.getppid() != parent:
                return
            job = self._jobs.claim()
            if job is None:
                time.sleep(POLL_S)
            else:
                self._work(job, parent)

    def _stop(self, *_: object) -> None:
        self._must_stop = True

    def _work(self, job: Job, parent: int | None) -> None:
        folder = self._settings.job(job.run)
        folder.mkdir(parents=True, exist_ok=True)
        self._settings.job(job.id).mkdir(parents=True, exist_ok=True)
        try:
            with self._begin(job, folder / "lock") as process:
                outcome = self._watch(job, process, parent)
            if outcome == "ended":
                self._keep(job, process.returncode)
            elif outcome == "cancel":
                self._jobs.drop(job)
            elif outcome == "stop":
                self._jobs.release(job)
        except StoreError:
            raise  # nobody can be told; the lease ends by itself, and the job goes on from its files
        except (BlobsError, OSError) as error:
            self._jobs.fail(job, str(error), is_final=False)
        except (TrainerError, PlasmaError) as error:
            self._jobs.fail(job, str(error), is_final=True)

    @contextmanager
    def _begin(self, job: Job, lock: Path) -> Iterator[subprocess.Popen[bytes]]:
        if job.kind == "compile":
            self._prepare(job)
        command = [*self._trainer, *commands.command(job, self._settings)]
        with _alone(lock) as file, self._log(job).open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "COLUMNS": LINE},
                pass_fds=[file],
                start_new_session=True,
            )
            os.pwrite(file, f"{process.pid:<20}".encode(), 0)
        try:
            yield process
        finally:
            _end(process)

    def _prepare(self, job: Job) -> None:
        """What the command of a compile job reads besides its run."""
        keygen(commands.throwaway_key(job, self._settings), replace=True)
        if base := job.params["base_packet"]:
            write_file(commands.base_packet(job, self._settings), self._registry.data(base))

    def _watch(self, job: Job, process: subprocess.Popen[bytes], parent: int | None) -> str:
        """`ended`, `cancel`, `lost` or `stop`."""
        renewed, told = time.monotonic(), job.progress
        while process.poll() is None:
            time.sleep(POLL_S)
            if self._must_stop or (parent is not None and os.getppid() != parent):
                return "stop"
            if time.monotonic() - renewed < RENEW_S:
                continue
            renewed = time.monotonic()
            if (order := self._jobs.renew(job)) != "go on":
                return order
            told = self._tell(job, told)
        self._tell(job, told)
        return "ended"

    def _tell(self, job: Job, told: float) -> float:
        """Report the points of the curve that lie beyond the progress `told`; the progress that is now told."""
        if job.kind not in ("train", "adapt"):
            return told
        for progress, point in commands.points(job, self._tail(job)):
            if progress > told:
                self._jobs.report(job, progress, point)
                told = progress
        return told

    def _keep(self, job: Job, status: int) -> None:
        """The command has ended: what it found is the job's result."""
        ends_well = {0, commands.NOT_REACHED} if job.kind in ("train", "adapt", "audit") else {0}
        if status not in ends_well:
            lines = self._tail(job).strip().splitlines() or ["it said nothing"]
            error = f"exit status {status}: {lines[-1][:500]}"
            self._jobs.fail(job, error, is_final=status == commands.MISTAKE)
        elif job.kind == "compile":
            self._jobs.finish(job, self._publish(job))
        else:
            self._jobs.finish(job, commands.result(job, self._settings, self._tail(job)))

    def _publish(self, job: Job) -> dict[str, Any]:
        exported, asked = commands.exported(job, self._settings), job.params
        data = staging.release(
            open_packet(exported),
            self._settings,
            asked["name"],
            asked["channel"],
            asked["sequence"],
        )
        entry = self._registry.add(data, channel=asked["channel"], run=job.run)
        return {
            "packet": entry.digest,
            "content_digest": entry.content_digest,
            "is_signed": entry.is_signed,
        }

    def _log(self, job: Job) -> Path:
        return self._settings.job(job.id) / "log.txt"

    def _tail(self, job: Job) -> str:
        with self._log(job).open("rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - LOG_BYTES))
            return file.read().decode("utf-8", "replace").replace("\0", "")  # no text to PostgreSQL


@contextmanager
def _alone(path: Path) -> Iterator[int]:
    """The lock file, open and locked; who is still at work in the directory is ended first."""
    file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if holder := os.pread(file, 20, 0).strip():  # it lives: the lock is its
                with suppress(ProcessLookupError):
                    os.kill(int(holder), signal.SIGKILL)
            fcntl.flock(file, fcntl.LOCK_EX)
        os.ftruncate(file, 0)
        yield file
    finally:
        os.close(file)


def _end(process: subprocess.Popen[bytes]) -> None:
    """Ask, then insist."""
    if process.poll() is not None:
        return
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
