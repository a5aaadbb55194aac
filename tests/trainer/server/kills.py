# SPDX-License-Identifier: Apache-2.0
"""kill -9 of a server and its workers, at random moments, while real jobs train and compile.

    python -m tests.trainer.server.kills --kills 50
    python -m tests.trainer.server.kills --kills 5 --postgresql

Who was killed is started again at once. All training jobs ask for the same, so all must end with the same result; every
file must be whole, every packet verify, every job be done.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import torch
from rich.progress import track

import plasma_edge
from plasma_pack import keygen
from plasma_trainer.server.jobs import Job, Jobs
from plasma_trainer.server.models import CompileRequest, TrainRequest
from plasma_trainer.server.settings import DATABASE, Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.postgres import cluster, new_database
from tests.trainer.server.processes import free_port, until
from tests.trainer.server.record import record

WORKERS = 2
WAITING = 3  # jobs that are there to be disturbed
PATIENCE_S = 120.0  # for the next checkpoint or finished job, after which somebody is killed anyway
LONGEST_S = 2.0  # from then to the kill
ASKED = TrainRequest(
    env="CartPole-v1", real_steps=40, block_steps=20, iterations=1, threshold=1e6
).params()


class School:
    """A server and its workers, each a process that can be lost."""

    def __init__(self, folder: Path) -> None:
        keygen(folder / "release.pem")
        self.settings = Settings(
            folder / "school", key=folder / "release.pem", postgresql=os.environ.get(DATABASE)
        )
        self.trust = folder / "release.pub"
        self.jobs = Jobs(Store(self.settings.database))
        worker = [str(Path(__file__).with_name("quick_worker.py")), str(self.settings.data)]
        serve = ["-m", "plasma_trainer.server", "serve", "--workers=0", f"--port={free_port()}"]
        self._commands = {"server": [*serve, f"--data={self.settings.data}"]}
        for index in range(WORKERS):
            self._commands[f"worker {index}"] = [*worker, str(self.settings.key)]
        self._processes = {name: self._start(name) for name in self._commands}

    def kill(self, name: str) -> None:
        """-9, and start it again."""
        self._processes[name].kill()
        self._processes[name].wait()
        self._processes[name] = self._start(name)

    def stop(self) -> None:
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait()

    @property
    def names(self) -> list[str]:
        return list(self._commands)

    @property
    def are_alive(self) -> bool:
        return all(process.poll() is None for process in self._processes.values())

    def _start(self, name: str) -> subprocess.Popen[bytes]:
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        return subprocess.Popen([sys.executable, *self._commands[name]], **quiet)


def campaign(folder: Path, kills: int, seed: int) -> dict[str, Any]:
    """The figures. Raises AssertionError when something was lost or spoilt."""
    dice, school, victims = random.Random(seed), School(folder), Counter[str]()
    try:
        for _ in track(range(kills), description="killing"):
            _keep_busy(school.jobs)
            _wait_for_progress(school)
            time.sleep(dice.uniform(0.0, LONGEST_S))
            victim = dice.choice(school.names)
            victims[victim.split()[0]] += 1
            school.kill(victim)
            _look_at_files(school)
        until(lambda: not _unfinished(school.jobs), 1800)
        assert school.are_alive
    finally:
        school.stop()
    return {
        "kills": dict(sorted(victims.items())),
        **_judge(school),
        "files_checked": _look_at_files(school),
        "corrupt": 0,  # or an assertion had failed
    }


def _wait_for_progress(school: School) -> None:
    """Or all would be killed before they had anything to lose."""

    def kept() -> tuple[int, int]:
        rounds = school.settings.data.glob("jobs/*/run/round-*.pt")
        return len(list(rounds)), school.jobs.count()["done"]

    before, deadline = kept(), time.monotonic() + PATIENCE_S
    while kept() == before and time.monotonic() < deadline:
        time.sleep(0.05)


def _keep_busy(jobs: Jobs) -> None:
    """Every training that is done is compiled, and another begins."""
    found = jobs.newest(None, None, 500)
    compiled = {job.run for job in found if job.kind == "compile"}
    for job in found:
        if job.kind == "train" and job.state == "done" and job.id not in compiled:
            asked = CompileRequest(run=job.id).params()
            jobs.submit("compile", asked, owner="campaign", run=job.id)
    for _ in range(WAITING - len(_unfinished(jobs))):
        jobs.submit("train", ASKED, owner="campaign")


def _unfinished(jobs: Jobs) -> list[Job]:
    return [job for job in jobs.newest(None, None, 500) if job.finished is None]


def _judge(school: School) -> dict[str, int]:
    """How many jobs of each kind were done: all of them, and all trainings alike."""
    jobs = school.jobs.newest(None, None, 500)
    assert {job.state for job in jobs} == {"done"}, [(job.id, job.state, job.error) for job in jobs]
    results = {json.dumps(job.result, sort_keys=True) for job in jobs if job.kind == "train"}
    assert len(results) == 1, results
    kinds = Counter(job.kind for job in jobs)
    return {"trained": kinds["train"], "compiled": kinds["compile"]}


def _look_at_files(school: School) -> int:
    """Whatever has a final name is whole, at any moment; how many there are."""
    data, count = school.settings.data, 0
    for packet in data.glob("packets/*.plasma"):
        assert hashlib.sha256(packet.read_bytes()).hexdigest() == packet.stem, packet
        plasma_edge.verify(packet, trust=school.trust)
        count += 1
    for document in data.glob("jobs/*/run/*.json"):
        json.loads(document.read_text())
        count += 1
    for checkpoint in data.glob("jobs/*/run/round-*.pt"):
        assert torch.load(checkpoint, weights_only=True)["result"]
        count += 1
    return count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--postgresql", action="store_true", help="with a throw-away cluster")
    args = parser.parse_args()
    torch.set_num_threads(1)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        if args.postgresql:
            os.environ[DATABASE] = new_database(stack.enter_context(cluster()))
        figures = campaign(Path(folder), args.kills, args.seed)
    figures["seconds"] = round(time.monotonic() - began)
    name = "kills_postgresql" if args.postgresql else "kills"
    record(name, " ".join(["python -m tests.trainer.server.kills", *sys.argv[1:]]), figures)


if __name__ == "__main__":
    main()
