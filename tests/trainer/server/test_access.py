# SPDX-License-Identifier: Apache-2.0
"""Tokens, and what they open."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from typer.testing import CliRunner
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from plasma_trainer.cli import app
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import Tokens
from tests.trainer.server.processes import serving

TRAIN = {"env": "CartPole-v1", "real_steps": 20}
run = CliRunner().invoke


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def tokens(data: Path) -> Tokens:
    return Tokens(Store(Settings(data).database))


@pytest.fixture(scope="module")
def http(data: Path) -> Iterator[httpx2.Client]:
    with serving(data, "--workers=0", "--require-token") as client:
        yield client


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def test_a_token_opens_what_its_scopes_say(http: httpx2.Client, tokens: Tokens) -> None:
    reader = bearer(tokens.create("reader", ("read",), 1))
    trainer = bearer(tokens.create("trainer", ("read", "train"), 1))
    assert http.get("/jobs", headers=reader).status_code == 200
    refused = http.post("/train", json=TRAIN, headers=reader)
    assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
    taken = http.post("/train", json=TRAIN, headers=trainer)
    assert taken.status_code == 202
    assert http.post(f"/jobs/{taken.json()['id']}/cancel", headers=reader).status_code == 403
    wanted = {"run": taken.json()["id"]}
    refused = http.post("/instruction-packet/compile", json=wanted, headers=trainer)
    assert refused.status_code == 403
    assert http.post("/packets", content=b"x", headers=trainer).status_code == 403


def test_without_a_valid_token_everything_but_health_is_shut(
    http: httpx2.Client, tokens: Tokens
) -> None:
    expired = tokens.create("expired", ("read", "train", "publish"), -1.0)
    revoked = tokens.create("revoked", ("read", "train", "publish"), 1)
    tokens.revoke(revoked.split("_")[1])
    valid = tokens.create("valid", ("read",), 1)
    tampered = valid[:-1] + ("0" if valid[-1] != "0" else "1")
    assert http.get("/health").status_code == 200
    for headers in (
        *({}, bearer(expired), bearer(revoked), bearer(tampered), bearer("x"), bearer("pe_x_y")),
        *({"Authorization": f"Basic {valid}"}, {"Authorization": valid}),
    ):
        for path in ("/jobs", "/packets", "/metrics", "/jobs/" + "0" * 32):
            answer = http.get(path, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthenticated"), path
            assert answer.headers["www-authenticate"] == "Bearer"
        assert http.post("/train", json=TRAIN, headers=headers).status_code == 401
    assert http.get("/jobs", headers=bearer(valid)).status_code == 200


def test_watching_needs_a_token_too(http: httpx2.Client, tokens: Tokens) -> None:
    url = f"ws://{http.base_url.host}:{http.base_url.port}/ws/page"
    with pytest.raises(InvalidStatus, match="403"):
        connect(url)
    with connect(url, additional_headers=bearer(tokens.create("page", ("read",), 1))):
        pass


def test_who_watches_is_cut_off_when_the_token_is_revoked(
    http: httpx2.Client, tokens: Tokens
) -> None:
    token = tokens.create("watcher", ("read",), 1)
    url = f"ws://{http.base_url.host}:{http.base_url.port}/ws/agent-1"
    with connect(url, additional_headers=bearer(token)) as socket:
        tokens.revoke(token.split("_")[1])
        with pytest.raises(ConnectionClosed) as closed:
            socket.recv(30)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008


def test_the_database_holds_no_token(data: Path, tokens: Tokens) -> None:
    token = tokens.create("secretive", ("read",), 1)
    secret = token.rsplit("_", 1)[1].encode()
    files = [path for path in data.iterdir() if path.name.startswith("server.sqlite3")]
    assert files
    assert all(secret not in path.read_bytes() for path in files)
    assert all(bytes.fromhex(secret.decode()) not in path.read_bytes() for path in files)


def test_tokens_are_made_listed_and_revoked_from_the_shell(tmp_path: Path) -> None:
    at = f"--data={tmp_path}"
    made = run(app, ["token", "create", at, "--name", "agent-7", "--scope", "train", "--days", "2"])
    assert made.exit_code == 0, made.output
    token = made.output.strip()
    id_ = token.split("_")[1]
    listed = run(app, ["token", "list", at]).output
    assert all(part in listed for part in (id_, "valid", "train", "agent-7"))
    assert token not in listed
    assert run(app, ["token", "revoke", at, id_]).exit_code == 0
    assert "revoked" in run(app, ["token", "list", at]).output
    wrong = run(app, ["token", "create", at, "--name", "x", "--scope", "root"])
    assert (wrong.exit_code, "read, train, publish" in wrong.stderr) == (2, True)
    unknown = run(app, ["token", "revoke", at, "f" * 16])
    assert (unknown.exit_code, "token list" in unknown.stderr) == (2, True)


def test_beyond_loopback_tokens_are_required_whatever_was_asked(tmp_path: Path) -> None:
    assert Settings(tmp_path).is_open
    assert not Settings(tmp_path, host="0.0.0.0").is_open
    assert not Settings(tmp_path, must_have_token=True).is_open
