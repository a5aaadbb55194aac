# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL behind the statements of store.py."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from typing import Any

import psycopg
from psycopg.rows import dict_row

from plasma_trainer.errors import UsageError
from plasma_trainer.server.store import StoreError

PATIENCE_S = 10  # for a connection
WRITERS = 0x706C61736D61  # a lock in the database's own namespace: "plasma"


class Postgresql:
    """A connection with the manners of sqlite3's. Raises StoreError and UsageError in place of psycopg's errors."""

    def __init__(self, url: str) -> None:
        with _translated():
            self._connection = psycopg.connect(
                url,
                autocommit=True,
                connect_timeout=PATIENCE_S,
                cursor_factory=psycopg.RawCursor,  # values are $1, as PostgreSQL itself has it
                row_factory=dict_row,
            )

    def __del__(self) -> None:
        with suppress(AttributeError):  # it was never made
            self._connection.close()

    @property
    def is_lost(self) -> bool:
        """The server went away; another connection may find it again."""
        return self._connection.closed

    def create(self, schema: str) -> None:
        self.begin()
        schema = schema.format(counted="BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY")
        self._connection.execute(schema)
        self.execute("COMMIT")

    def begin(self) -> None:
        """What BEGIN IMMEDIATE is to SQLite: whoever writes is alone until its end."""
        self.execute("BEGIN")
        self.execute("SELECT pg_advisory_xact_lock(?)", (WRITERS,))

    def execute(self, sql: str, values: tuple[Any, ...] = ()) -> Any:
        with _translated():
            return self._connection.execute(_numbered(sql), values)


@cache
def _numbered(sql: str) -> str:
    """`?` and `?2` as `$1` and `$2`."""
    numbers = count(1)
    return re.sub(r"\?(\d*)", lambda found: f"${found[1] or next(numbers)}", sql)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except psycopg.DataError as error:  # a text with a NUL, which SQLite keeps
        raise UsageError(f"the database cannot keep this: {error}") from error
    except psycopg.OperationalError as error:
        raise StoreError(f"PostgreSQL does not answer ({error}); is it running?") from error
