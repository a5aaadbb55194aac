# SPDX-License-Identifier: Apache-2.0
"""The page without a browser: who sees it, what its forms may do, and what its headers forbid."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from plasma_pack import open_packet
from plasma_trainer.server import staging
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.models import REQUESTS
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import SCOPES, Tokens
from tests.trainer.server.processes import serving

TRAIN = {"kind": "train", "env": "CartPole-v1", "real_steps": "20"}


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory, keys: Path) -> Settings:
    return Settings(tmp_path_factory.mktemp("server"), signers=(keys / "release.pub",))


@pytest.fixture(scope="module")
def store(settings: Settings) -> Store:
    return Store(settings.database)


@pytest.fixture(scope="module")
def tokens(store: Store) -> Tokens:
    return Tokens(store)


@pytest.fixture(scope="module")
def server(settings: Settings) -> Iterator[httpx2.Client]:
    signer = f"--signer={settings.signers[0]}"
    with serving(settings.data, "--workers=0", "--require-token", signer) as client:
        yield client


@pytest.fixture
def http(server: httpx2.Client) -> httpx2.Client:
    """Without the cookies of the test before."""
    server.cookies.clear()
    return server


def own(http: httpx2.Client) -> dict[str, str]:
    return {"Origin": str(http.base_url).rstrip("/")}


def sign_in(http: httpx2.Client, token: str) -> httpx2.Response:
    return http.post("/ui/sign-in", data={"token": token}, headers=own(http))


def test_strangers_are_sent_to_sign_in(http: httpx2.Client) -> None:
    for path in ("/", "/ui/packets", "/ui/worlds", "/ladder", "/ui/tokens", "/ui/jobs/new"):
        answer = http.get(path)
        assert (answer.status_code, answer.headers["location"]) == (303, "/ui/sign-in"), path
    for path in ("/ui/jobs", "/ui/jobs/" + "0" * 32 + "/cancel", "/ui/tokens/x/revoke"):
        assert http.post(path, data=TRAIN, headers=own(http)).headers["location"] == "/ui/sign-in"
    assert http.get("/ui/static/page.css").status_code == 200


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_get(
    http: httpx2.Client, store: Store, tokens: Tokens
) -> None:
    token = tokens.create("ann", ("read",), 1)
    answer = sign_in(http, token)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=strict" in cookie
    value = http.cookies["plasma_session"]
    assert token not in cookie
    kept = [tuple(row) for row in store.read("SELECT * FROM sessions")]
    assert kept
    assert all(value not in map(str, row) for row in kept)
    assert "ann" in http.get("/").text
    assert http.get("/jobs").status_code == 200
    http.post("/ui/sign-out", headers=own(http))
    http.cookies.set("plasma_session", value)
    assert http.get("/").status_code == 303


def test_wrong_expired_and_revoked_tokens_begin_no_session(
    http: httpx2.Client, tokens: Tokens
) -> None:
    revoked = tokens.create("revoked", ("read",), 1)
    tokens.revoke(revoked.split("_")[1])
    for token in ("", "x", "pe_x", tokens.create("late", ("read",), -1.0), revoked):
        answer = sign_in(http, token)
        assert answer.status_code == 401
        assert "opens nothing" in answer.text
        assert "set-cookie" not in answer.headers


def test_a_session_ends_with_its_token(http: httpx2.Client, tokens: Tokens) -> None:
    token = tokens.create("ann", ("read",), 1)
    sign_in(http, token)
    assert http.get("/").status_code == 200
    tokens.revoke(token.split("_")[1])
    assert http.get("/").status_code == 303
    assert http.get("/jobs").status_code == 401


@pytest.mark.parametrize(
    "origin", [None, "null", "https://evil.example", "http://[", "http://127.0.0.1"]
)
def test_forms_of_other_sites_do_nothing(
    http: httpx2.Client, tokens: Tokens, store: Store, origin: str | None
) -> None:
    token = tokens.create("ann", SCOPES, 1)
    sign_in(http, token)
    before = Jobs(store).count()
    headers = {} if origin is None else {"Origin": origin}
    assert http.post("/ui/jobs", data=TRAIN, headers=headers).headers["location"] == "/ui/sign-in"
    assert http.post("/train", json={"env": "CartPole-v1"}, headers=headers).status_code == 401
    path = f"/ui/tokens/{token.split('_')[1]}/revoke"
    assert http.post(path, headers=headers).status_code == 303
    assert Jobs(store).count() == before
    assert tokens.check(token).is_valid  # type: ignore[union-attr]
    http.cookies.clear()
    refused = http.post("/ui/sign-in", data={"token": token}, headers=headers)
    assert (refused.status_code, "set-cookie" in refused.headers) == (403, False)


def test_what_a_token_may_not_do_the_page_refuses(
    http: httpx2.Client, tokens: Tokens, store: Store
) -> None:
    sign_in(http, tokens.create("reader", ("read",), 1))
    shown = http.get("/").text
    assert "Start a job" not in shown
    assert "/ui/tokens" not in shown
    assert http.get("/ui/tokens").status_code == 403
    assert http.post("/ui/jobs", data=TRAIN, headers=own(http)).status_code == 403
    job, _ = Jobs(store).submit("train", {"env": "CartPole-v1"}, owner="x")
    assert http.post(f"/ui/jobs/{job.id}/cancel", headers=own(http)).status_code == 403
    assert Jobs(store).get(job.id).state == "queued"


def test_a_form_starts_what_the_api_would_and_once(http: httpx2.Client, tokens: Tokens) -> None:
    sign_in(http, tokens.create("trainer", ("read", "train"), 1))
    form = {**TRAIN, "key": "k", "threshold": "", "description": "<b>bold</b>"}
    twice = [http.post("/ui/jobs", data=form, headers=own(http)).headers["location"] for _ in "12"]
    assert twice[0] == twice[1]
    assert http.get(twice[0].removeprefix("/ui")).json()["params"]["real_steps"] == 20
    shown = http.get(twice[0]).text
    assert "Train CartPole-v1" in shown
    assert "&lt;b&gt;bold" in shown
    assert "<b>" not in shown


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({**TRAIN, "env": "os:CartPole-v1"}, "registered Gymnasium"),
        ({**TRAIN, "real_steps": "many"}, "real_steps"),
        ({**TRAIN, "env": "Pendulum-v1"}, "threshold"),
        ({"kind": "worlds", "env": "../x"}, "registered Gymnasium"),
        ({"kind": "audit", "run": "../../etc"}, "run"),
        ({"kind": "rm"}, "does not say what to do"),
        ({}, "does not say what to do"),
    ],
)
def test_a_form_that_is_wrong_says_why(
    http: httpx2.Client, tokens: Tokens, form: dict[str, str], said: str
) -> None:
    sign_in(http, tokens.create("trainer", ("read", "train"), 1))
    answer = http.post("/ui/jobs", data=form, headers=own(http))
    assert answer.status_code == 422
    alert = re.search(r'role="alert">([^<]*)', answer.text)
    assert alert
    assert said in alert[1]


def test_a_packet_shows_its_certificate_and_its_lineage(
    http: httpx2.Client, tokens: Tokens, store: Store, settings: Settings, packet: bytes
) -> None:
    data = staging.release(open_packet(packet), settings, "walker", "bench", 7)
    entry = Registry(store, settings).add(data, channel="bench")
    sign_in(http, tokens.create("reader", ("read",), 1))
    assert "walker" in http.get("/ui/packets").text
    shown = http.get(f"/ui/packets/{entry.digest}").text
    certificate = entry.description["certificate"]
    for part in ("walker", entry.digest, f"{certificate['cost_units']:,}", "still to be signed"):
        assert part in shown
    assert http.get("/ui/packets/" + "0" * 64).status_code == 404
    assert http.get("/ui/packets/..%2fx").status_code == 404


def test_tokens_are_seen_and_revoked_by_those_who_may(http: httpx2.Client, tokens: Tokens) -> None:
    victim = tokens.create("agent-9", ("read",), 1)
    sign_in(http, tokens.create("boss", SCOPES, 1))
    assert "agent-9" in http.get("/ui/tokens").text
    path = f"/ui/tokens/{victim.split('_')[1]}/revoke"
    assert http.post(path, headers=own(http)).headers["location"] == "/ui/tokens"
    assert not tokens.check(victim).is_valid  # type: ignore[union-attr]
    assert http.post("/ui/tokens/nobody/revoke", headers=own(http)).status_code == 422


def test_pages_carry_nothing_inline_and_their_headers_say_so(
    http: httpx2.Client, tokens: Tokens
) -> None:
    sign_in(http, tokens.create("boss", SCOPES, 1))
    for path in ("/", "/ui/jobs/new", "/ui/packets", "/ui/worlds", "/ui/tokens", "/ui/jobs/x"):
        answer = http.get(path)
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["cache-control"] == "no-store"
        assert not re.search(r"<script(?! src)|style=|\son\w+=|https?://", answer.text), path


def test_assets_are_asked_for_once(http: httpx2.Client) -> None:
    first = http.get("/ui/static/page.js")
    again = http.get("/ui/static/page.js", headers={"If-None-Match": first.headers["etag"]})
    assert (first.status_code, again.status_code) == (200, 304)
    assert http.get("/ui/static/..%2froutes.py").status_code in (404, 307)
    assert http.get("/ui/static/base.html").status_code == 404


def test_every_kind_of_request_has_a_title() -> None:
    from plasma_trainer.server.page.facts import VERBS

    assert VERBS.keys() == REQUESTS.keys()
