# SPDX-License-Identifier: Apache-2.0
"""A school whose database is PostgreSQL: tokens, workers in other processes, and a database that goes away."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from plasma_trainer.errors import UsageError
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.settings import DATABASE, Settings
from plasma_trainer.server.store import Store, StoreError
from plasma_trainer.server.tokens import Tokens
from tests.trainer.server.postgres import new_database
from tests.trainer.server.processes import serving, until

MISTAKE = {"env": "NoSuchEnv-v0", "real_steps": 20}


@pytest.fixture
def url(postgresql: str) -> str:
    return new_database(postgresql)


def test_tokens_are_made_and_used_there(url: str, tmp_path: Path) -> None:
    make = [sys.executable, "-m", "plasma_trainer.server", "token", "create", f"--data={tmp_path}"]
    token = subprocess.check_output([*make, "--name=ann", f"--database={url}"], text=True).strip()
    found = Tokens(Store(url)).check(token)
    assert found is not None
    assert (found.name, found.scopes, found.is_valid) == ("ann", ("read",), True)
    assert not list(tmp_path.iterdir())


def test_a_servers_workers_use_its_database_and_no_command_line_shows_it(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DATABASE, url)
    jobs = Jobs(Store(url))
    id_ = jobs.submit("train", MISTAKE, owner="ann")[0].id
    with serving(tmp_path, "--workers=1") as http:
        until(lambda: http.get(f"/jobs/{id_}").json()["state"] == "failed")
        shown = [_command_line(path) for path in Path("/proc").glob("[0-9]*/cmdline")]
    assert "NoSuchEnv" in (jobs.get(id_).error or "")
    assert not any(url.encode() in line for line in shown)
    assert not (tmp_path / "server.sqlite3").exists()


def _command_line(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:  # it has ended
        return b""


def test_a_connection_that_broke_is_made_again(url: str) -> None:
    store = Store(url)
    name = url.rpartition("/")[2]
    with psycopg.connect(url.replace(name, "postgres"), autocommit=True) as boss:
        boss.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
        )
    with pytest.raises(StoreError, match="is it running"):
        store.read("SELECT 1 AS one")
    assert store.read("SELECT 1 AS one") == [{"one": 1}]


def test_a_server_without_its_database_says_that_it_is_busy(url: str, tmp_path: Path) -> None:
    with serving(tmp_path, "--workers=0", f"--database={url}") as http:
        name = url.rpartition("/")[2]
        with psycopg.connect(url.replace(name, "postgres"), autocommit=True) as boss:
            boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")
            boss.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (name,)
            )
            for path in ("/health", "/jobs", "/jobs/" + "0" * 32):
                answer = http.get(path)
                assert (answer.status_code, answer.json()["code"]) == (503, "busy"), path
            boss.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS true")
        assert http.get("/jobs").json() == {"jobs": []}


def test_other_urls_are_refused_without_being_repeated(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="postgresql://") as refusal:
        Settings(tmp_path, postgresql="mysql://root:secret@db/school")
    assert "secret" not in str(refusal.value)


def test_a_database_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    command = ["-m", "plasma_trainer.server", "token", "list", f"--data={tmp_path}"]
    nowhere = "--database=postgresql://nobody@127.0.0.1:1/school"
    done = subprocess.run(
        [sys.executable, *command, nowhere], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("error: PostgreSQL does not answer")
