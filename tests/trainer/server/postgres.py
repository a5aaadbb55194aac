# SPDX-License-Identifier: Apache-2.0
"""A real PostgreSQL, Debian's, in a scratch directory and on a port of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg

from tests.trainer.server.processes import free_port, until

USER = "postgres"  # Debian's; PostgreSQL refuses to run as root
_numbers = count()


@contextmanager
def cluster() -> Iterator[str]:
    """The URL of a server that is alone here, without a database's name; gone with the block."""
    (bin_, *_) = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    folder, port = Path(tempfile.mkdtemp(prefix="plasma-postgresql-")), free_port()
    as_user = {"user": USER, "group": USER, "extra_groups": []} if os.getuid() == 0 else {}
    owner = pwd.getpwnam(USER if as_user else pwd.getpwuid(os.getuid()).pw_name)
    os.chown(folder, owner.pw_uid, owner.pw_gid)
    make = [bin_ / "initdb", f"--pgdata={folder / 'data'}", f"--username={USER}", "--no-sync"]
    run = [
        bin_ / "postgres",
        "-D",
        folder / "data",
        "-p",
        str(port),
        "-k",
        folder,
        "-h",
        "127.0.0.1",
    ]
    quiet = {"cwd": folder, "stdout": subprocess.DEVNULL, **as_user}
    try:
        subprocess.run([*make, "--auth=trust"], check=True, **quiet)
        process = subprocess.Popen(run, stderr=subprocess.DEVNULL, **quiet)
        try:
            url = f"postgresql://{USER}@127.0.0.1:{port}"
            until(lambda: process.poll() is not None or _answers(url))
            assert process.poll() is None, "PostgreSQL did not start"
            yield url
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing here is to be kept
            process.wait(60)
    finally:
        shutil.rmtree(folder)


def new_database(url: str) -> str:
    """The URL of an empty database."""
    name = f"test_{next(_numbers)}"
    with psycopg.connect(f"{url}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{url}/{name}"


def _answers(url: str) -> bool:
    try:
        psycopg.connect(f"{url}/postgres").close()
    except psycopg.OperationalError:
        return False
    return True
