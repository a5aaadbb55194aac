# SPDX-License-Identifier: Apache-2.0
"""Requests that are too large, too slow, too many, or from somewhere else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2
import pytest
import uvicorn

from plasma_trainer.server import guard
from plasma_trainer.server.app import make_app
from plasma_trainer.server.settings import Settings
from tests.trainer.server.processes import answers, free_port, until


@contextmanager
def listening(settings: Settings) -> Iterator[httpx2.Client]:
    """The server in a thread of this process, where its patience can be shortened."""
    port = free_port()
    config = uvicorn.Config(
        make_app(settings), port=port, http=guard.ImpatientProtocol, log_level="warning"
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        with httpx2.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
            until(lambda: answers(client))
            yield client
    finally:
        server.should_exit = True
        thread.join()


@pytest.fixture
def http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx2.Client]:
    monkeypatch.setattr(guard, "HEADERS_S", 0.5)
    monkeypatch.setattr(guard, "BODY_S", 0.5)
    with listening(Settings(tmp_path)) as client:
        yield client


def raw(http: httpx2.Client) -> socket.socket:
    return socket.create_connection((http.base_url.host, http.base_url.port or 0), timeout=20)


def test_large_bodies_are_refused_before_and_while_they_arrive(http: httpx2.Client) -> None:
    large = b" " * (guard.MAX_JSON_BYTES + 1)
    announced = http.post("/train", content=large)
    assert (announced.status_code, announced.json()["code"]) == (413, "too_large")
    json = {"Content-Type": "application/json"}
    in_chunks = http.post("/train", content=iter([large[:1000], large]), headers=json)
    assert (in_chunks.status_code, in_chunks.json()["code"]) == (413, "too_large")
    assert http.get("/health").status_code == 200


def test_headers_that_drip_are_cut_off(http: httpx2.Client) -> None:
    began = time.monotonic()
    with raw(http) as slow:
        slow.sendall(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Drip: ")
        with pytest.raises(OSError):
            while time.monotonic() - began < 20:
                slow.sendall(b"a")
                time.sleep(0.1)
    assert time.monotonic() - began < 20


def test_silence_is_cut_off(http: httpx2.Client) -> None:
    with raw(http) as silent:
        assert silent.recv(1) == b""


def test_a_body_that_drips_is_answered_with_a_timeout(http: httpx2.Client) -> None:
    head = b"POST /train HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"
    with raw(http) as slow:
        slow.sendall(head)
        assert b" 408 " in slow.recv(4096).split(b"\r\n")[0]


def test_a_caller_has_a_budget_of_requests(tmp_path: Path) -> None:
    with listening(Settings(tmp_path, requests_per_s=5.0)) as http:
        answers_ = [http.get("/health") for _ in range(40)]
        refused = [each for each in answers_ if each.status_code == 429]
        assert refused
        assert refused[0].headers["retry-after"] == "1"
        assert until(lambda: answers(http))


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Host": "evil.example:80", "Origin": "http://evil.example:80"},
        {"Host": "[::1"},
    ],
)
def test_pages_of_other_sites_reach_nothing(http: httpx2.Client, headers: dict[str, str]) -> None:
    assert http.get("/jobs", headers=headers).status_code == 403
    assert http.post("/train", json={"env": "CartPole-v1"}, headers=headers).status_code == 403


def test_its_own_page_does(http: httpx2.Client) -> None:
    own = {"Origin": f"http://{http.base_url.host}:{http.base_url.port}"}
    assert http.get("/jobs", headers=own).status_code == 200
