# SPDX-License-Identifier: Apache-2.0
"""Jobs: durable rows that workers lease.

A worker that stops renewing its lease is taken for dead and its job given to the next; what it still reports then is
refused, because the row carries another lease.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import dataclass
from typing import Any

from plasma_trainer.errors import UsageError
from plasma_trainer.server.store import Connection, Row, Store, where

LEASE_S = 10.0
MAX_FAILURES = 3
MAX_QUEUED = 1000
STATES = ("queued", "running", "done", "failed", "cancelled")
ENDED = ("done", "failed", "cancelled")


class ConflictError(UsageError):
    """The request contradicts what is there already."""


class QueueFullError(UsageError):
    """More jobs wait than this server takes."""


@dataclass(frozen=True)
class Job:
    """One row, its JSON decoded."""

    id: str
    kind: str
    params: dict[str, Any]
    run: str
    owner: str
    state: str
    priority: int
    failures: int
    progress: float
    result: dict[str, Any] | None
    error: str | None
    is_cancelled: bool
    created: float
    started: float | None
    finished: float | None
    lease: str | None

    @classmethod
    def of(cls, row: Row) -> Job:
        values = {name: row[name] for name in cls.__dataclass_fields__}
        values["params"] = json.loads(row["params"])
        values["result"] = json.loads(row["result"]) if row["result"] else None
        values["is_cancelled"] = bool(row["is_cancelled"])
        return cls(**values)


class Jobs:
    """The queue, seen by the server (submit, cancel, retry) and by workers (claim, renew, report, end)."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def submit(
        self,
        kind: str,
        params: dict[str, Any],
        *,
        owner: str,
        run: str | None = None,
        priority: int = 0,
        key: str | None = None,
    ) -> tuple[Job, bool]:
        """The job, and whether it is new. The same key of the same owner gives the job that it gave before."""
        id_, text = secrets.token_hex(16), json.dumps(params, sort_keys=True)
        with self._store.write() as db:
            if key is not None and (known := _with_key(db, owner, key)) is not None:
                if (known.kind, known.params) != (kind, json.loads(text)):
                    raise ConflictError(
                        f"the Idempotency-Key was used for job {known.id}, which asked for something else; "
                        "choose a new key for a new request"
                    )
                return known, False
            waiting = db.execute(
                "SELECT count(*) AS n FROM jobs WHERE state = 'queued'"
            ).fetchone()["n"]
            if waiting >= MAX_QUEUED:
                raise QueueFullError(f"{waiting} jobs wait, expected fewer than {MAX_QUEUED}")
            db.execute(
                "INSERT INTO jobs (id, kind, params, run, owner, state, priority, failures, progress,"
                " is_cancelled, created, key) VALUES (?, ?, ?, ?, ?, 'queued', ?, 0, 0, 0, ?, ?)",
                (id_, kind, text, run or id_, owner, priority, time.time(), key),
            )
            _event(db, id_, {"state": "queued"})
        return self.get(id_), True

    def get(self, id_: str) -> Job:
        """Raises KeyError when there is none."""
        rows = self._store.read("SELECT * FROM jobs WHERE id = ?", id_)
        if not rows:
            raise KeyError(id_)
        return Job.of(rows[0])

    def newest(
        self, state: str | None, kind: str | None, limit: int, run: str | None = None
    ) -> list[Job]:
        """Newest first; None: any."""
        condition, values = where(state=state, kind=kind, run=run)
        rows = self._store.read(
            f"SELECT * FROM jobs WHERE {condition} ORDER BY created DESC LIMIT ?", *values, limit
        )
        return [Job.of(row) for row in rows]

    def count(self) -> dict[str, int]:
        """How many are in each state."""
        rows = self._store.read("SELECT state, count(*) AS n FROM jobs GROUP BY state")
        return dict.fromkeys(STATES, 0) | {row["state"]: row["n"] for row in rows}

    def cancel(self, id_: str) -> Job:
        """A queued job ends now, a running one when its worker looks again; an ended one stays as it was."""
        with self._store.write() as db:
            db.execute(
                "UPDATE jobs SET is_cancelled = 1 WHERE id = ? AND state = 'running'", (id_,)
            )
            _end(db, "id = ? AND state = 'queued'", (id_,), "cancelled")
        return self.get(id_)

    def retry(self, id_: str) -> Job:
        """A failed or cancelled job waits again, and goes on where its files are. Raises ConflictError otherwise."""
        with self._store.write() as db:
            changed = db.execute(
                "UPDATE jobs SET state = 'queued', failures = 0, is_cancelled = 0, error = NULL, finished = NULL"
                " WHERE id = ? AND state IN ('failed', 'cancelled')",
                (id_,),
            ).rowcount
            if changed:
                _event(db, id_, {"state": "queued"})
        job = self.get(id_)
        if not changed:
            raise ConflictError(
                f"job {id_} is {job.state}; only failed and cancelled jobs are retried"
            )
        return job

    def claim(self) -> Job | None:
        """The most urgent job that nobody works on, now leased to the caller."""
        now, lease = time.time(), secrets.token_hex(8)
        with self._store.write() as db:
            _end(
                db,
                "state = 'running' AND is_cancelled = 1 AND lease_until < ?",
                (now,),
                "cancelled",
            )
            row = db.execute(
                "UPDATE jobs SET state = 'running', lease = ?1, lease_until = ?2, started = coalesce(started, ?3)"
                " WHERE id = (SELECT id FROM jobs AS mine"
                "  WHERE (state = 'queued' OR (state = 'running' AND lease_until < ?3))"
                "  AND NOT EXISTS (SELECT 1 FROM jobs AS other WHERE other.run = mine.run"
                "   AND other.id != mine.id AND other.state = 'running')"
                "  ORDER BY priority DESC, created LIMIT 1)"
                " RETURNING *",
                (lease, now + LEASE_S, now),
            ).fetchone()
            if row is None:
                return None
            _event(db, row["id"], {"state": "running"})
            return Job.of(row)

    def renew(self, job: Job) -> str:
        """`go on`, `cancel` when somebody asked for that, or `lost` when another worker has the job."""
        with self._store.write() as db:
            row = db.execute(
                "UPDATE jobs SET lease_until = ? WHERE id = ? AND lease = ? AND state = 'running'"
                " RETURNING is_cancelled",
                (time.time() + LEASE_S, job.id, job.lease),
            ).fetchone()
        if row is None:
            return "lost"
        return "cancel" if row["is_cancelled"] else "go on"

    def report(self, job: Job, progress: float, point: dict[str, Any]) -> None:
        """One point of the job's curve."""
        with self._store.write() as db:
            db.execute(
                "UPDATE jobs SET progress = ? WHERE id = ? AND lease = ?",
                (progress, job.id, job.lease),
            )
            _event(db, job.id, {"progress": progress, **point})

    def release(self, job: Job) -> None:
        """Give the job back unfinished: the worker is asked to stop."""
        self._requeue(job, 0, None)

    def finish(self, job: Job, result: dict[str, Any]) -> None:
        """The job is done."""
        with self._store.write() as db:
            _end(db, "id = ? AND lease = ?", (job.id, job.lease), "done", result=result)

    def drop(self, job: Job) -> None:
        """The job was cancelled and its work has stopped."""
        with self._store.write() as db:
            _end(db, "id = ? AND lease = ?", (job.id, job.lease), "cancelled")

    def fail(self, job: Job, error: str, *, is_final: bool) -> None:
        """The work ended badly: it waits for another attempt, unless that was the last or another is pointless."""
        if not is_final and job.failures + 1 < MAX_FAILURES:
            self._requeue(job, 1, error)
            return
        with self._store.write() as db:
            _end(db, "id = ? AND lease = ?", (job.id, job.lease), "failed", error=error)

    def events(self, after: int, job: str | None = None, limit: int = 500) -> list[dict[str, Any]]:
        """What happened after the event of this id, in order."""
        condition, values = where(job=job)
        rows = self._store.read(
            f"SELECT * FROM events WHERE id > ? AND {condition} ORDER BY id LIMIT ?",
            *(after, *values, limit),
        )
        return [
            {"id": row["id"], "job": row["job"], "at": row["at"], **json.loads(row["data"])}
            for row in rows
        ]

    def last_event(self) -> int:
        """The id of the newest event, 0 without any."""
        return int(self._store.read("SELECT coalesce(max(id), 0) AS id FROM events")[0]["id"])

    def _requeue(self, job: Job, failures: int, error: str | None) -> None:
        with self._store.write() as db:
            changed = db.execute(
                "UPDATE jobs SET state = 'queued', lease = NULL, failures = failures + ?, error = ?"
                " WHERE id = ? AND lease = ?",
                (failures, error, job.id, job.lease),
            ).rowcount
            if changed:
                _event(db, job.id, {"state": "queued", "error": error})


def _with_key(db: Connection, owner: str, key: str) -> Job | None:
    row = db.execute("SELECT * FROM jobs WHERE owner = ? AND key = ?", (owner, key)).fetchone()
    return None if row is None else Job.of(row)


def _end(
    db: Connection,
    where: str,
    values: tuple[Any, ...],
    state: str,
    *,
    result: dict[str, Any] | None = None,
    error: str | None = None,
) -> None:
    """Move the jobs of this condition, which is ours and never a request's, to a state that is an end."""
    rows = db.execute(
        f"UPDATE jobs SET state = ?, result = ?, error = ?, finished = ?, lease = NULL,"
        f" progress = CASE ? WHEN 'done' THEN 1 ELSE progress END WHERE {where} RETURNING id",
        (state, json.dumps(result) if result else None, error, time.time(), state, *values),
    ).fetchall()
    for row in rows:
        _event(db, row["id"], {"state": state, "error": error})


def _event(db: Connection, job: str, data: dict[str, Any]) -> None:
    kept = {name: value for name, value in data.items() if value is not None}
    db.execute(
        "INSERT INTO events (job, at, data) VALUES (?, ?, ?)", (job, time.time(), json.dumps(kept))
    )
