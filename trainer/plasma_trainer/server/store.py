# SPDX-License-Identifier: Apache-2.0
"""The database: one SQLite file that the server and its workers share.

Every write is one immediate transaction, written through to disk before it returns: after `kill -9` it is there
whole or not at all. Times are Unix seconds.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

BUSY_S = 30.0

SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    params TEXT NOT NULL,            -- JSON, as the request had it
    run TEXT NOT NULL,               -- job whose run directory is worked on; one worker at a time
    owner TEXT NOT NULL,
    state TEXT NOT NULL,             -- queued, running, done, failed, cancelled
    priority INTEGER NOT NULL,       -- higher goes first
    failures INTEGER NOT NULL,       -- times that its work ended badly; a worker's death is not its fault
    progress REAL NOT NULL,          -- 0 to 1
    result TEXT,                     -- JSON, once done
    error TEXT,
    is_cancelled INTEGER NOT NULL,   -- asked for; the worker obeys
    lease TEXT,                      -- of the worker that has it
    lease_until REAL,
    created REAL NOT NULL,
    started REAL,
    finished REAL,
    key TEXT,                        -- the request's Idempotency-Key
    UNIQUE (owner, key)
);
CREATE INDEX IF NOT EXISTS jobs_state ON jobs (state, priority DESC, created);
CREATE TABLE IF NOT EXISTS events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    job TEXT NOT NULL,
    at REAL NOT NULL,
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
    created REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS packets_content ON packets (content_digest);
CREATE INDEX IF NOT EXISTS packets_base ON packets (base_digest);
CREATE TABLE IF NOT EXISTS tokens (
    id TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    hash TEXT NOT NULL,              -- SHA-256 of 32 random bytes: nothing to guess, so nothing to slow down
    scopes TEXT NOT NULL,
    created REAL NOT NULL,
    expires REAL NOT NULL,
    is_revoked INTEGER NOT NULL
);
CREATE TABLE IF NOT EXISTS sessions (
    hash TEXT PRIMARY KEY,           -- SHA-256 of the cookie
    token TEXT NOT NULL,
    expires REAL NOT NULL
);
"""


class Store:
    """One connection a thread."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = path
        self._local = threading.local()
        self._connection().executescript(f"PRAGMA journal_mode = WAL;{SCHEMA}")

    def read(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        """The rows of a query."""
        return self._connection().execute(sql, values).fetchall()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction: all of it, or nothing when an exception leaves it."""
        connection = self._connection()
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = sqlite3.connect(self._path, timeout=BUSY_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA synchronous = FULL")
            self._local.connection = connection
        return connection
