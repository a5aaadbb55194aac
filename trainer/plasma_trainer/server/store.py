# SPDX-License-Identifier: Apache-2.0
"""The database that a server and its workers share: an SQLite file, or PostgreSQL by its URL.

Statements are written once, in the SQL that both have, with `?` or `?1` for values. Writes come one after the other in
both, each whole or not at all, on disk before it returns. So a job is claimed once, and events become visible in the
order of their ids, which watchers rely on. Times are Unix seconds.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from plasma_trainer.errors import TrainerError

Row = Mapping[str, Any]
BUSY_S = 30.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    params TEXT NOT NULL,            -- JSON, as the request had it
    run TEXT NOT NULL,               -- job whose run directory is worked on, by one worker at a time
    owner TEXT NOT NULL,
    state TEXT NOT NULL,             -- queued, running, done, failed, cancelled
    priority INTEGER NOT NULL,       -- higher goes first
    failures INTEGER NOT NULL,       -- times that its work ended badly; a worker's death is not its fault
    progress DOUBLE PRECISION NOT NULL, -- 0 to 1
    result TEXT,                     -- JSON, once done
    error TEXT,
    is_cancelled INTEGER NOT NULL,   -- asked for; the worker obeys
    lease TEXT,                      -- of the worker that has it
    lease_until DOUBLE PRECISION,
    created DOUBLE PRECISION NOT NULL,
    started DOUBLE PRECISION,
    finished DOUBLE PRECISION,
    key TEXT,                        -- the request's Idempotency-Key
    UNIQUE (owner, key)
);
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, priority DESC, created);
CREATE TABLE IF NOT EXISTS events (
    id {counted},
    job TEXT NOT NULL,
    at DOUBLE PRECISION NOT NULL,
    data TEXT NOT NULL               -- JSON: a change of state, or a point of a curve
);
CREATE INDEX IF NOT EXISTS events_job ON events (job, id);
CREATE TABLE IF NOT EXISTS packets (
    digest TEXT PRIMARY KEY,         -- SHA-256 of the file
    content_digest TEXT NOT NULL,
    base_digest TEXT,                -- content digest of the base that an adapter is for
    kind TEXT NOT NULL,
    channel TEXT,
    is_signed INTEGER NOT NULL,      -- by all signers that it names
    bytes INTEGER NOT NULL,
    run TEXT,                        -- job that trained it; NULL when it was brought
    description TEXT NOT NULL,       -- JSON, as plasma-pack inspect has it
    created DOUBLE PRECISION NOT NULL
);
CREATE INDEX IF NOT EXISTS packets_content ON packets (content_digest);
CREATE INDEX IF NOT EXISTS packets_base ON packets (base_digest);
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,              -- SHA-256 of 32 random bytes: nothing to guess, so nothing to slow down
    scopes TEXT NOT NULL,
    created DOUBLE PRECISION NOT NULL,
    expires DOUBLE PRECISION NOT NULL,
    is_revoked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY,           -- SHA-256 of the cookie
    token TEXT NOT NULL,
    expires DOUBLE PRECISION NOT NULL
);
"""


class StoreError(TrainerError):
    """The database does not answer. Whoever asks again later may be served."""


class Connection(Protocol):
    """What a transaction runs statements on; an answer has fetchone, fetchall and rowcount."""

    def execute(self, sql: str, values: tuple[Any, ...] = ..., /) -> Any: ...


class Store:
    """One connection a thread. Raises StoreError when PostgreSQL does not answer."""

    def __init__(self, database: Path | str) -> None:
        self._database = database
        self._local = threading.local()
        if isinstance(database, Path):
            database.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection().create(SCHEMA)

    def read(self, sql: str, *values: Any) -> list[Row]:
        """The rows of a query."""
        return list(self._connection().execute(sql, values).fetchall())

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """A transaction: all of it, or nothing when an exception leaves it."""
        connection = self._connection()
        connection.begin()
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connection(self) -> Any:
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.is_lost:
            connection = self._local.connection = _connect(self._database)
        return connection


def where(**wanted: Any) -> tuple[str, list[Any]]:
    """The condition that these columns have these values, None for any; and its values."""
    given = {name: value for name, value in wanted.items() if value is not None}
    return " AND ".join(f"{name} = ?" for name in given) or "TRUE", list(given.values())


def _connect(database: Path | str) -> Any:
    if isinstance(database, str):
        from plasma_trainer.server.postgresql import Postgresql  # a driver that few need

        return Postgresql(database)
    connection = sqlite3.connect(database, BUSY_S, isolation_level=None, factory=_Sqlite)
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA synchronous = FULL")
    return connection


class _Sqlite(sqlite3.Connection):
    is_lost = False

    def create(self, schema: str) -> None:
        schema = schema.format(counted="INTEGER PRIMARY KEY AUTOINCREMENT")
        self.executescript(f"PRAGMA journal_mode = WAL;{schema}")

    def begin(self) -> None:
        self.execute("BEGIN IMMEDIATE")
