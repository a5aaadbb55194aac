# SPDX-License-Identifier: Apache-2.0
"""Jobs through real workers, real training runs and real kills."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

import plasma_edge
from plasma_edge.client import ClientConfig, PlasmaAgent, TaskRequest
from plasma_trainer.server.jobs import Job, Jobs
from plasma_trainer.server.models import TrainRequest
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import ARTEFACTS, Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.worker import Worker
from tests.trainer.server.processes import free_port, serving, until, working

ROUNDS = 5
ASKED = {
    "env": "CartPole-v1",
    "real_steps": ROUNDS * 20,
    "block_steps": 20,
    "iterations": 1,
    "threshold": 1e6,  # never reached: all rounds are flown
}
COMPILE = {"base_packet": None, "name": "quick", "channel": "bench", "sequence": 3}


def submit(jobs: Jobs, **changed: object) -> Job:
    return jobs.submit("train", TrainRequest(**{**ASKED, **changed}).params(), owner="ann")[0]


def ended(jobs: Jobs, id_: str) -> Job:
    """The job, once its state is an end."""
    return until(lambda: (job := jobs.get(id_)).finished is not None and job)


def rounds(settings: Settings, id_: str) -> list[Path]:
    return sorted(settings.run(id_).glob("round-*.pt"))


def pid_at_work(settings: Settings, id_: str) -> int:
    lock = settings.job(id_) / "lock"
    return int(until(lambda: lock.exists() and lock.read_bytes().strip()))


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Iterator[Settings]:
    """A school whose packets are at a URL, so that adapters are compiled for a base that is fetched."""
    url = f"file://{tmp_path_factory.mktemp('packets')}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(ARTEFACTS, url)
        data = tmp_path_factory.mktemp("server")
        yield Settings(data, key=keys / "release.pem", artefacts=url)
    assert not (data / "packets").exists()


@pytest.fixture(scope="module")
def jobs(settings: Settings) -> Jobs:
    return Jobs(Store(settings.database))


@pytest.fixture(scope="module")
def killed(settings: Settings, jobs: Jobs) -> Job:
    """A training job that lost a worker, a server and its own process before it was done."""
    id_ = submit(jobs).id
    port = free_port()
    with serving(settings.data, port=port), working(settings.data) as worker:
        until(lambda: rounds(settings, id_))
        worker.kill()  # its command lives on, and holds the directory
    orphan = pid_at_work(settings, id_)
    before = len(rounds(settings, id_))
    with serving(settings.data, port=port) as http, working(settings.data):
        until(lambda: jobs.get(id_).state == "running" and pid_at_work(settings, id_) != orphan)
        assert not is_at_work(orphan)
        until(lambda: len(rounds(settings, id_)) > before)
        if jobs.get(id_).finished is None:
            kill_command(settings, id_)
        until(lambda: http.get(f"/jobs/{id_}").json()["state"] == "done")
    return jobs.get(id_)


def kill_command(settings: Settings, id_: str) -> None:
    if is_at_work(pid := pid_at_work(settings, id_)):
        os.kill(pid, signal.SIGKILL)


def is_at_work(pid: int) -> bool:
    """Whether this is the trainer: a number may belong to somebody else by now."""
    try:
        return b"quick_trainer" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except FileNotFoundError:
        return False


def test_a_job_that_lost_everybody_is_finished_as_if_nothing_had_happened(
    settings: Settings, killed: Job, tmp_path: Path
) -> None:
    assert killed.result is not None
    assert killed.result["real_steps"] == ROUNDS * 20
    assert killed.progress == 1.0
    asked = [f"--{name.replace('_', '-')}={value}" for name, value in ASKED.items()]
    trainer = str(Path(__file__).with_name("quick_trainer.py"))
    out = f"--out={tmp_path / 'run'}"
    subprocess.run([sys.executable, trainer, "train", out, *asked], check=False)
    undisturbed = sorted((tmp_path / "run").glob("round-*.pt"))
    assert len(undisturbed) == ROUNDS
    ours, theirs = (
        torch.load(paths[-1], weights_only=True)["learner"]["agent"]
        for paths in (rounds(settings, killed.id), undisturbed)
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def test_its_events_are_a_curve(jobs: Jobs, killed: Job) -> None:
    points = [event for event in jobs.events(0, killed.id) if "real_steps" in event]
    assert [point["real_steps"] for point in points] == [20 * (i + 1) for i in range(ROUNDS)]
    assert 1 <= points[-1]["returns"]["mean"] <= 500


def test_rounds_that_pass_between_two_looks_are_all_told(
    settings: Settings, jobs: Jobs, tmp_path: Path
) -> None:
    """A run without training: its rounds are said at once, and one is said again, as after a kill."""
    said = [
        f"round {i}: {20 * i} real steps, return 9.0 (mean of 5 episodes, at least 8.0, worst 8.0)"
        for i in (1, 2, 2, 3, 4, 5)
    ]
    trainer = tmp_path / "trainer.py"
    trainer.write_text(f"print({chr(10).join(said)!r})\nraise SystemExit(2)\n")
    job = submit(jobs, seed=9)
    worker = Worker(settings, [sys.executable, str(trainer)])
    claimed = jobs.claim()
    assert claimed is not None
    worker._work(claimed, None)
    told = [event["round"] for event in jobs.events(0, job.id) if "round" in event]
    assert told == [1, 2, 3, 4, 5]


@pytest.fixture(scope="module")
def compiled(settings: Settings, jobs: Jobs, killed: Job, keys: Path) -> dict[str, str]:
    """What the compilation of that run gave."""
    asked = {"run": killed.id, **COMPILE}
    job, _ = jobs.submit("compile", asked, owner="ann", run=killed.id)
    with working(settings.data, keys / "release.pem"):
        return result(ended(jobs, job.id))


def result(job: Job) -> dict[str, Any]:
    assert job.result is not None, job.error
    return job.result


def test_a_finished_run_is_compiled_and_signed(
    settings: Settings, killed: Job, compiled: dict[str, str], keys: Path
) -> None:
    packets = Registry(Store(settings.database), settings)
    data = packets.data(compiled["packet"])
    info = plasma_edge.verify(data, trust=str(keys / "release.pub"), channel="bench")
    assert info.content_digest.hex() == compiled["content_digest"]
    assert info.sequence == 3
    assert packets.get(compiled["packet"]).run == killed.id


def test_a_finished_run_is_simulated(settings: Settings, jobs: Jobs, killed: Job) -> None:
    asked = {"run": killed.id, "variant": None, "episodes": 2, "seed": 0, "description": "two"}
    job, _ = jobs.submit("simulate", asked, owner="ann", run=killed.id)
    with working(settings.data):
        assert result(ended(jobs, job.id))["returns"]["episodes"] == 2


def test_an_adapter_is_trained_compiled_and_attached_by_an_agent(
    settings: Settings,
    jobs: Jobs,
    killed: Job,
    compiled: dict[str, str],
    keys: Path,
    tmp_path: Path,
) -> None:
    store, base = tmp_path / "packets", compiled["content_digest"]
    task = TaskRequest(
        "CartPole-v1", lora_rank=8, real_steps=200, block_steps=200, iterations=10, threshold=1e6
    )
    with (
        serving(settings.data) as http,
        working(settings.data, keys / "release.pem"),
        PlasmaAgent(
            ClientConfig("a", str(http.base_url), trust=keys / "release.pub", store=store)
        ) as client,
    ):
        adapted = client.adapt(task, "reversed", killed.id)
        wanted = {"run": adapted.id, **COMPILE, "base_packet": compiled["packet"]}
        job, _ = jobs.submit("compile", wanted, owner="ann", run=adapted.id)
        adapter = result(ended(jobs, job.id))
        about = http.get(f"/packets/{adapter['packet']}").json()
        listed = http.get(f"/packets/{compiled['packet']}").json()["adapters"]
        policy = client.load_instruction_packet(adapter["content_digest"])
    assert (about["kind"], about["base_digest"]) == ("adapter", base)
    assert listed == [adapter["packet"]]
    assert (adapted.params["rank"], adapted.params["threshold"]) == (8, 1e6)
    assert [each.content_digest.hex() for each in policy.adapters] == [adapter["content_digest"]]
    stored = {path.name for path in store.iterdir() if path.suffix == ".plasma"}
    assert stored == {f"{each['content_digest']}.plasma" for each in (compiled, adapter)}


def test_a_recipe_is_trained_in_the_environment_it_names(settings: Settings, jobs: Jobs) -> None:
    asked = TrainRequest(env="navigate_maze", real_steps=20, block_steps=20, iterations=1).params()
    id_ = jobs.submit("train", asked, owner="ann")[0].id
    with working(settings.data):
        found = result(ended(jobs, id_))
    assert (found["solved"], found["real_steps"], found["returns"]["mean"]) == (False, 20, 0.0)


def test_a_running_job_is_cancelled_and_goes_on_when_retried(
    settings: Settings, jobs: Jobs
) -> None:
    id_ = submit(jobs, real_steps=40, seed=1).id
    with working(settings.data):
        pid = pid_at_work(settings, id_)
        jobs.cancel(id_)
        assert ended(jobs, id_).state == "cancelled"
        assert not is_at_work(pid)
        jobs.retry(id_)
        assert ended(jobs, id_).state == "done"


def test_a_mistake_is_told_and_not_repeated(settings: Settings, jobs: Jobs) -> None:
    id_ = jobs.submit("train", {**ASKED, "env": "NoSuchEnv-v0"}, owner="ann")[0].id
    with working(settings.data):
        job = ended(jobs, id_)
    assert job.state == "failed"
    assert "NoSuchEnv" in (job.error or "")
    assert job.failures == 0


def test_a_worker_that_is_asked_to_stop_gives_its_job_back(settings: Settings, jobs: Jobs) -> None:
    id_ = submit(jobs, seed=2).id
    with working(settings.data) as worker:
        pid_at_work(settings, id_)
        worker.terminate()
        worker.wait(60)
    assert jobs.get(id_).state == "queued"
    assert jobs.cancel(id_).state == "cancelled"


def test_random_kills_corrupt_nothing(settings: Settings, jobs: Jobs) -> None:
    """Kills of workers and of what they run, at moments that the dice choose."""
    dice, id_ = random.Random(7), submit(jobs, seed=3).id
    for whom in ("worker", "command", "worker"):
        with working(settings.data) as worker:
            until(lambda: len(rounds(settings, id_)) >= dice.randrange(ROUNDS), 60)
            if whom == "worker":
                worker.kill()
            else:
                kill_command(settings, id_)
    with working(settings.data):
        assert ended(jobs, id_).state == "done"
    for path in rounds(settings, id_):
        torch.load(path, weights_only=True)
    assert not list(settings.run(id_).glob("*.tmp"))
