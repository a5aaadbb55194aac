# SPDX-License-Identifier: Apache-2.0
"""Packets in a directory, at file://, and at a real FTP server, which fsspec reaches without another driver."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from socket import create_connection

import pytest
from typer.testing import CliRunner

from plasma_pack import open_packet
from plasma_trainer.errors import MissingDependencyError, UsageError
from plasma_trainer.server import staging
from plasma_trainer.server.blobs import Blobs, BlobsError
from plasma_trainer.server.cli import commands
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.processes import free_port, running, serving, until

DATA = bytes(range(256)) * 9
DIGEST = hashlib.sha256(DATA).hexdigest()
NOWHERE = "ftp://ann:secret@127.0.0.1:1/packets"


@contextmanager
def ftp(folder: Path, port: int) -> Iterator[str]:
    """The URL of a directory below this one, which a server of its own offers."""
    who = ["-u", "ann", "-P", "secret", "-w", "-d", str(folder)]
    with running("-m", "pyftpdlib", "-i", "127.0.0.1", "-p", str(port), *who) as process:
        until(lambda: process.poll() is not None or listens(port))
        assert process.poll() is None, "the FTP server did not start"
        yield f"ftp://ann:secret@127.0.0.1:{port}/a/packets"


def listens(port: int) -> bool:
    try:
        create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return False
    return True


@pytest.fixture(params=["directory", "file", "ftp"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path | str]:
    """Somewhere that ends in tmp_path / "a/packets"."""
    if request.param == "ftp":
        with ftp(tmp_path, free_port()) as url:
            yield url
    else:
        path = tmp_path / "a/packets"
        yield path if request.param == "directory" else f"file://{path}"


def test_what_is_put_is_had_back_and_never_damaged(place: Path | str, tmp_path: Path) -> None:
    blobs = Blobs(place)
    assert blobs.put(DATA) == DIGEST
    file = tmp_path / f"a/packets/{DIGEST}.plasma"
    assert file.read_bytes() == DATA
    written = file.stat().st_mtime_ns
    assert Blobs(place).put(DATA) == DIGEST
    assert file.stat().st_mtime_ns == written
    assert Blobs(place).get(DIGEST) == DATA
    file.write_bytes(DATA[:-1])  # an upload that broke off
    with pytest.raises(BlobsError, match="is damaged"):
        blobs.get(DIGEST)
    blobs.put(DATA)
    assert blobs.get(DIGEST) == DATA
    with pytest.raises(BlobsError, match="is it there"):
        blobs.get("0" * 64)


def test_servers_share_packets_at_a_url(tmp_path: Path, keys: Path, packet: bytes) -> None:
    url, signer = f"file://{tmp_path / 'shared'}", f"--signer={keys / 'release.pub'}"
    settings = Settings(tmp_path / "data", signers=(keys / "release.pub",), artefacts=url)
    staged = staging.release(open_packet(packet), settings, "walker", None, 0)
    digest = Registry(Store(settings.database), settings).add(staged).digest
    with ExitStack() as stack:
        one, other = (
            stack.enter_context(serving(settings.data, "--workers=0", signer, f"--artefacts={url}"))
            for _ in range(2)
        )
        path = f"/packets/{digest}/file"
        whole, part = one.get(path), other.get(path, headers={"Range": "bytes=5-9"})
        assert (whole.content, part.content) == (staged, staged[5:10])
        assert whole.headers["etag"] == part.headers["etag"] == f'"{digest}"'
        (tmp_path / f"shared/{digest}.plasma").write_bytes(staged[::-1])
        for http in (one, other):
            assert (http.get(path).status_code, http.get(path).json()["code"]) == (503, "busy")
    assert not (settings.data / "packets").exists()


def test_a_server_lives_through_a_store_that_goes_away(tmp_path: Path, packet: bytes) -> None:
    port, offered = free_port(), tmp_path / "offered"
    offered.mkdir()
    with ExitStack() as stack:
        with ftp(offered, port) as url:
            settings = Settings(tmp_path / "data", artefacts=url)
            digest = Registry(Store(settings.database), settings).add(packet).digest
            http = stack.enter_context(serving(settings.data, "--workers=0", f"--artefacts={url}"))
            assert http.get(f"/packets/{digest}/file").content == packet
        away = http.get(f"/packets/{digest}/file")
        assert (away.status_code, away.json()["code"]) == (503, "busy")
        assert "secret" not in away.text
        assert http.get(f"/packets/{digest}").status_code == 200  # rows are elsewhere
        with ftp(offered, port):
            assert http.get(f"/packets/{digest}/file").content == packet


@pytest.mark.parametrize(
    ("url", "kind", "said"),
    [
        ("gopher://hole/packets", UsageError, "Protocol not known: gopher"),
        ("sftp://ann:secret@host/packets", MissingDependencyError, "paramiko"),
        (NOWHERE, BlobsError, r"ftp://127.0.0.1:1/packets .*refused"),
    ],
)
def test_a_url_that_does_not_do_is_told_at_once(url: str, kind: type, said: str) -> None:
    with pytest.raises(kind, match=said) as refusal:
        Blobs(url)
    assert "secret" not in str(refusal.value)


def test_a_place_that_may_not_be_written_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BlobsError, match="is it there, and allowed"):
        Blobs(tmp_path / "file")


def test_a_server_or_worker_without_its_packets_ends_with_one_line(tmp_path: Path) -> None:
    for verb in ("serve", "worker"):
        done = CliRunner().invoke(
            commands, [verb, f"--data={tmp_path}"], env={"PLASMA_ARTEFACTS": NOWHERE}
        )
        assert done.exit_code == 2
        assert done.stderr.startswith("error: packets cannot be read or written in ftp://127")
        assert done.stderr.count("\n") == 1
    with pytest.raises(UsageError, match="expected a URL"):
        Settings(tmp_path, artefacts="shared/packets")
