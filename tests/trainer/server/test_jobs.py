# SPDX-License-Identifier: Apache-2.0
"""The queue, in both databases."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from plasma_trainer.server import jobs as queue
from plasma_trainer.server.jobs import MAX_FAILURES, ConflictError, Job, Jobs, QueueFullError
from plasma_trainer.server.store import Store
from tests.trainer.server.postgres import new_database


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    if request.param == "sqlite":
        return tmp_path / "server.sqlite3"
    return new_database(request.getfixturevalue("postgresql"))


@pytest.fixture
def jobs(database: Path | str) -> Jobs:
    return Jobs(Store(database))


def submit(jobs: Jobs, **more: object) -> Job:
    return jobs.submit("train", {"env": "CartPole-v1"}, owner="ann", **more)[0]  # type: ignore[arg-type]


def claimed(jobs: Jobs) -> Job:
    job = jobs.claim()
    assert job is not None
    return job


def test_the_most_urgent_goes_first_and_then_the_oldest(jobs: Jobs) -> None:
    first, second, urgent = submit(jobs), submit(jobs), submit(jobs, priority=1)
    assert [claimed(jobs).id for _ in range(3)] == [urgent.id, first.id, second.id]
    assert jobs.claim() is None


def test_the_same_key_of_the_same_owner_is_the_same_job(jobs: Jobs) -> None:
    job, is_new = jobs.submit("train", {"env": "A-v0"}, owner="ann", key="k")
    again, is_new_again = jobs.submit("train", {"env": "A-v0"}, owner="ann", key="k")
    other, _ = jobs.submit("train", {"env": "A-v0"}, owner="bob", key="k")
    assert (is_new, is_new_again) == (True, False)
    assert again == job
    assert other.id != job.id
    with pytest.raises(ConflictError, match="asked for something else"):
        jobs.submit("train", {"env": "B-v0"}, owner="ann", key="k")


def test_a_dead_workers_job_is_taken_up_and_the_dead_one_is_not_heard(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(jobs)
    monkeypatch.setattr(queue, "LEASE_S", 0.01)
    dead = claimed(jobs)
    time.sleep(0.02)
    monkeypatch.setattr(queue, "LEASE_S", 60.0)
    alive = claimed(jobs)
    assert alive.id == dead.id
    assert jobs.renew(dead) == "lost"
    jobs.finish(dead, {"from": "the dead"})
    jobs.fail(dead, "the dead", is_final=True)
    jobs.report(dead, 0.9, {})
    assert (jobs.get(alive.id).state, jobs.get(alive.id).progress) == ("running", 0.0)
    jobs.finish(alive, {"from": "the living"})
    assert jobs.get(alive.id).result == {"from": "the living"}


def test_a_lease_that_is_renewed_is_kept(jobs: Jobs) -> None:
    submit(jobs)
    job = claimed(jobs)
    assert jobs.renew(job) == "go on"
    assert jobs.claim() is None


def test_one_run_is_worked_on_by_one_worker(jobs: Jobs) -> None:
    run = submit(jobs)
    jobs.finish(claimed(jobs), {})
    for kind in ("audit", "simulate"):
        jobs.submit(kind, {}, owner="ann", run=run.id)
    audit = claimed(jobs)
    assert jobs.claim() is None
    jobs.finish(audit, {})
    assert claimed(jobs).kind == "simulate"


def test_a_queued_job_is_cancelled_at_once_and_a_running_one_by_its_worker(jobs: Jobs) -> None:
    queued = submit(jobs)
    assert jobs.cancel(queued.id).state == "cancelled"
    submit(jobs)
    running = claimed(jobs)
    assert jobs.cancel(running.id).state == "running"
    assert jobs.renew(running) == "cancel"
    jobs.drop(running)
    assert jobs.get(running.id).state == "cancelled"
    assert jobs.retry(running.id).state == "queued"


def test_what_a_dead_worker_was_to_cancel_is_cancelled(
    jobs: Jobs, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(jobs)
    monkeypatch.setattr(queue, "LEASE_S", 0.0)
    job = claimed(jobs)
    jobs.cancel(job.id)
    time.sleep(0.01)
    assert jobs.claim() is None
    assert jobs.get(job.id).state == "cancelled"


def test_work_that_ends_badly_is_tried_again_but_not_for_ever(jobs: Jobs) -> None:
    id_ = submit(jobs).id
    for attempt in range(MAX_FAILURES):
        assert jobs.get(id_).state == "queued", attempt
        jobs.fail(claimed(jobs), "signal 9", is_final=False)
    assert (jobs.get(id_).state, jobs.get(id_).error) == ("failed", "signal 9")
    assert jobs.retry(id_).state == "queued"


def test_a_mistake_is_not_tried_again(jobs: Jobs) -> None:
    id_ = submit(jobs).id
    jobs.fail(claimed(jobs), "no such environment", is_final=True)
    assert jobs.get(id_).state == "failed"


def test_only_what_failed_or_was_cancelled_is_retried(jobs: Jobs) -> None:
    id_ = submit(jobs).id
    with pytest.raises(ConflictError, match="is queued"):
        jobs.retry(id_)


def test_a_full_queue_refuses(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MAX_QUEUED", 1)
    submit(jobs)
    with pytest.raises(QueueFullError, match="1 jobs wait"):
        submit(jobs)


def test_events_tell_the_story_in_order_and_from_any_point(jobs: Jobs) -> None:
    id_ = submit(jobs).id
    job = claimed(jobs)
    jobs.report(job, 0.5, {"real_steps": 20})
    jobs.finish(job, {})
    story = jobs.events(0, id_)
    assert [each.get("state", each.get("progress")) for each in story] == [
        *("queued", "running", 0.5, "done")
    ]
    assert jobs.events(story[1]["id"], id_) == story[2:]
    assert jobs.events(0, "f" * 32) == []


def test_what_is_queued_survives_a_restart(database: Path | str) -> None:
    id_ = submit(Jobs(Store(database))).id
    assert Jobs(Store(database)).get(id_).state == "queued"


WORKER = """
import sys, time
from pathlib import Path
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.store import Store

database = sys.argv[1] if sys.argv[1].startswith("postgresql:") else Path(sys.argv[1])
jobs = Jobs(Store(database))
print("ready", flush=True)
sys.stdin.readline()
while (job := jobs.claim()) is not None:
    print(job.id)
    jobs.submit("audit", {}, owner="ann", key=job.id[:1])  # all at once, with few keys
    jobs.finish(job, {})
"""


def test_processes_claim_each_job_once(database: Path | str, jobs: Jobs) -> None:
    """And of what they submit at the same time with the same key, one is a job."""
    given = [submit(jobs).id for _ in range(30)]
    start = [sys.executable, "-c", WORKER, str(database)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    workers = [subprocess.Popen(start, **pipes) for _ in range(3)]
    for worker in workers:
        assert worker.stdout.readline() == "ready\n"
    said = [worker.communicate(timeout=120)[0].split() for worker in workers]
    assert [worker.returncode for worker in workers] == [0, 0, 0]
    claimed_ids = [id_ for each in said for id_ in each]
    audits = {job.id for job in jobs.newest(None, "audit", 500)}
    keys = {id_[:1] for id_ in claimed_ids}
    assert sorted(claimed_ids) == sorted([*given, *audits])
    assert len(audits) == len(keys)
    ids = [event["id"] for event in jobs.events(0)]
    assert ids == sorted(set(ids))
    assert jobs.count()["done"] == len(claimed_ids)


def test_a_watcher_who_sees_an_event_has_seen_all_before_it(
    database: Path | str, jobs: Jobs
) -> None:
    """A transaction that began first and ends last must not put an event before one that was seen."""
    other = Jobs(Store(database))
    with jobs._store.write() as db:
        queue._event(db, "first", {})
        late = threading.Thread(target=submit, args=(other,))
        late.start()
        late.join(0.3)
        assert late.is_alive()  # it waits for its turn
        assert other.events(0) == []
    late.join(60)
    assert [event["job"] for event in jobs.events(0)][0] == "first"
