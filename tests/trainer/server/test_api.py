# SPDX-License-Identifier: Apache-2.0
"""A real server on loopback, without tokens and without workers, on either database: what it takes, how it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from websockets.sync.client import connect

import plasma_pack
from plasma_pack.packet.release import Release
from plasma_trainer.server import models, staging
from plasma_trainer.server.app import make_app
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.postgres import new_database
from tests.trainer.server.processes import serving

TRAIN = {"env": "CartPole-v1", "real_steps": 20}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def settings(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, keys: Path
) -> Settings:
    url = None
    if request.param == "postgresql":
        url = new_database(request.getfixturevalue("postgresql"))
    folder = tmp_path_factory.mktemp("server")
    return Settings(folder, signers=(keys / "release.pub",), postgresql=url)


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    database = [f"--database={settings.postgresql}"] if settings.postgresql else []
    signer = f"--signer={settings.signers[0]}"
    with serving(settings.data, "--workers=0", signer, *database) as client:
        yield client


@pytest.fixture(scope="module")
def jobs(settings: Settings) -> Jobs:
    return Jobs(Store(settings.database))


@pytest.fixture(scope="module")
def staged(settings: Settings, packet: bytes) -> str:
    """The digest of a packet that waits for release.pem."""
    data = staging.release(plasma_pack.open_packet(packet), settings, "walker", "bench", 1)
    return Registry(Store(settings.database), settings).add(data, channel="bench").digest


def is_problem(response: httpx2.Response, status: int, code: str) -> str:
    """Checks the form of an error; its detail."""
    assert response.headers["content-type"] == "application/problem+json"
    found = models.Problem(**response.json())
    assert (response.status_code, found.status, found.code) == (status, status, code)
    return found.detail


def test_is_healthy(http: httpx2.Client) -> None:
    assert http.get("/health").json() == {"status": "ok", "version": "0.1.0"}


def test_a_job_is_taken_once_and_shown(http: httpx2.Client) -> None:
    headers = {"Idempotency-Key": "agent-1:42"}
    first = http.post("/train", json=TRAIN, headers=headers)
    again = http.post("/train", json=TRAIN, headers=headers)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    shown = http.get(first.headers["location"]).json()
    assert (shown["state"], shown["params"]["real_steps"]) == ("queued", 20)
    assert shown in http.get("/jobs?state=queued&kind=train").json()["jobs"]
    assert http.get("/jobs?state=failed").json() == {"jobs": []}
    assert http.get(f"/jobs/{shown['id']}/log").text == ""
    other = http.post("/train", json={**TRAIN, "seed": 1}, headers=headers)
    assert shown["id"] in is_problem(other, 409, "conflict")
    assert http.post(f"/jobs/{shown['id']}/cancel").json()["state"] == "cancelled"
    assert http.post(f"/jobs/{shown['id']}/retry").json()["state"] == "queued"
    is_problem(http.post(f"/jobs/{shown['id']}/retry"), 409, "conflict")


@pytest.mark.parametrize(
    "env",
    [
        *(
            "NoSuchEnv-v0",
            "os:CartPole-v1",
            "evil.module:Env-v0",
            "../CartPole-v1",
            "CartPole-v1\n",
        ),
        *("--out=/tmp/x", "", "A" * 200 + "-v0", "CartPole-v1 --out=/tmp/x", "CartPole-v１"),
    ],
)
def test_only_registered_environments_are_trained_in(http: httpx2.Client, env: str) -> None:
    detail = is_problem(http.post("/train", json={"env": env}), 422, "invalid")
    assert "body.env" in detail


def test_a_recipe_names_an_environment_and_its_budget(http: httpx2.Client) -> None:
    asked = {"env": "navigate_maze", "block_steps": 100}
    params = http.post("/train", json=asked).json()["params"]
    budget = {name: params[name] for name in ("env", "real_steps", "block_steps", "threshold")}
    assert budget == {**asked, "real_steps": 3000, "threshold": None}
    assert (
        http.post("/train", json={**asked, "real_steps": 20}).json()["params"]["real_steps"] == 20
    )
    unknown = http.post("/train", json={"env": "navigate_sea"})
    assert "or a recipe: navigate_maze" in is_problem(unknown, 422, "invalid")
    for strange in ([], {}, None, 1):
        is_problem(http.post("/train", json={"env": strange}), 422, "invalid")


@pytest.mark.parametrize(
    "wrong",
    [
        *({"real_steps": 0}, {"real_steps": 1e12}, {"seed": -1}, {"iterations": "many"}),
        *({"priority": 1000}, {"out": "/etc"}, {"threshold": float("1e300")}),
    ],
)
def test_budgets_have_bounds_and_nothing_unknown_passes(
    http: httpx2.Client, wrong: dict[str, Any]
) -> None:
    is_problem(http.post("/train", json={**TRAIN, **wrong}), 422, "invalid")


def test_a_task_without_a_goal_needs_one(http: httpx2.Client) -> None:
    assert "threshold" in is_problem(
        http.post("/train", json={"env": "Pendulum-v1"}), 422, "invalid"
    )
    assert http.post("/train", json={"env": "Pendulum-v1", "threshold": -200}).status_code == 202


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/audit", {"run": "0" * 32}),
        ("/simulate", {"run": "0" * 32}),
        ("/adapt", {"base": "0" * 32}),
        ("/instruction-packet/compile", {"run": "0" * 32}),
    ],
)
def test_what_needs_a_run_needs_one_that_is_done(
    http: httpx2.Client, path: str, body: dict[str, str]
) -> None:
    is_problem(http.post(path, json=body), 404, "not_found")
    queued = http.post("/train", json=TRAIN).json()["id"]
    there = dict.fromkeys(body, queued)
    assert "is queued" in is_problem(http.post(path, json=there), 409, "conflict")
    is_problem(http.post(path, json=dict.fromkeys(body, "../../etc")), 422, "invalid")


@pytest.mark.parametrize(
    "path",
    [
        *("/jobs/..%2f..%2fserver.sqlite3", "/jobs/" + "g" * 32, "/jobs/" + "0" * 33),
        *("/packets/..%2fserver.sqlite3/file", "/packets/%2e%2e/file", "/packets/" + "0" * 63),
        *("/packets/" + "A" * 64 + "/file", "/jobs/%00/log", "/../../etc/passwd", "//etc/passwd"),
    ],
)
def test_no_path_leads_out(http: httpx2.Client, path: str) -> None:
    response = http.get(path)
    assert response.status_code in (404, 422)
    is_problem(response, response.status_code, response.json()["code"])


def test_unknown_ids_and_methods_are_problems_too(http: httpx2.Client) -> None:
    is_problem(http.get("/jobs/" + "0" * 32), 404, "not_found")
    is_problem(http.get("/packets/" + "0" * 64), 404, "not_found")
    is_problem(http.get("/packets/" + "0" * 64 + "/file"), 404, "not_found")
    is_problem(http.delete("/jobs"), 405, "method_not_allowed")
    is_problem(
        http.post("/train", content=b"{", headers={"Content-Type": "application/json"}),
        422,
        "invalid",
    )


def test_a_packet_is_described_with_its_lineage(http: httpx2.Client, staged: str) -> None:
    about = http.get(f"/packets/{staged}").json()
    assert (about["kind"], about["name"], about["channel"], about["sequence"]) == (
        *("base", "walker", "bench", 1),
    )
    assert about["audit"] == {"verdict": "none"}
    assert about["certificate"]["macs"] == 4
    assert about["is_signed"] is False
    assert [signer["signature"] for signer in about["signers"]] == ["absent"]
    listed = http.get("/packets", params={"content_digest": about["content_digest"]}).json()
    assert about in listed["packets"]
    assert http.get("/packets?channel=other").json() == {"packets": []}
    assert http.get("/packets?channel=%00").status_code in (200, 422)  # no text to PostgreSQL


def test_a_file_comes_whole_in_parts_or_not_again(http: httpx2.Client, staged: str) -> None:
    url = f"/packets/{staged}/file"
    whole = http.get(url)
    data, etag = whole.content, whole.headers["etag"]
    assert plasma_pack.open_packet(data)
    part = http.get(url, headers={"Range": "bytes=10-19", "If-Range": etag})
    assert (part.status_code, part.content) == (206, data[10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(data)}"
    assert http.get(url, headers={"Range": "bytes=-5"}).content == data[-5:]
    assert http.get(url, headers={"Range": "bytes=7-"}).content == data[7:]
    assert http.get(url, headers={"Range": f"bytes=7-{10**11}"}).content == data[7:]
    other = http.get(url, headers={"Range": "bytes=0-1", "If-Range": '"other"'})
    assert (other.status_code, other.content) == (200, data)
    for strange in ("bytes=a-b", "bytes=0-1,3-4", "lines=1-2", "bytes=-"):
        assert http.get(url, headers={"Range": strange}).content == data
    beyond = http.get(url, headers={"Range": f"bytes={len(data)}-"})
    is_problem(beyond, 416, "range_not_satisfiable")
    assert beyond.headers["content-range"] == f"bytes */{len(data)}"
    assert http.get(url, headers={"If-None-Match": etag}).status_code == 304


def test_a_staged_packet_comes_back_signed_by_those_who_may(
    http: httpx2.Client, staged: str, keys: Path, packet: bytes
) -> None:
    data = http.get(f"/packets/{staged}/file").content
    message = plasma_pack.prepare(data)
    key = plasma_pack.load_private(keys / "release.pem")
    public = plasma_pack.load_public(keys / "release.pub")
    signed = plasma_pack.attach(data, key.sign(message), public)
    unsigned = http.post("/packets", content=data)
    is_problem(unsigned, 422, "invalid")
    brought = http.post("/packets", content=signed)
    assert brought.status_code == 201, brought.text
    assert brought.json()["is_signed"] is True
    assert http.get(f"/packets/{brought.json()['digest']}/file").content == signed
    assert "not staged here" in is_problem(http.post("/packets", content=packet), 422, "invalid")
    is_problem(http.post("/packets", content=b"\0" * 100), 422, "invalid")


def test_a_stranger_cannot_bring_a_release_of_his_own(
    http: httpx2.Client, staged: str, keys: Path
) -> None:
    opened = plasma_pack.open_packet(http.get(f"/packets/{staged}/file").content)
    mallory = plasma_pack.load_private(keys / "mallory.pem")
    forged = Release(name="walker", channel="bench", sequence=9).sign(
        staging._draft(opened), [mallory]
    )
    assert "not staged here" in is_problem(http.post("/packets", content=forged), 422, "invalid")


def test_metrics_count_requests_by_template(http: httpx2.Client) -> None:
    http.get("/jobs/" + "1" * 32)
    http.get("/no/such/page")
    text = http.get("/metrics").text
    assert 'plasma_requests_total{route="/jobs/{id}",status="404"}' in text
    assert 'plasma_requests_total{route="none",status="404"}' in text
    assert 'plasma_jobs{state="queued"}' in text
    assert "1" * 32 not in text


def test_a_watcher_hears_events_and_misses_none_when_it_comes_back(
    http: httpx2.Client, jobs: Jobs
) -> None:
    url = f"ws://{http.base_url.host}:{http.base_url.port}/ws/page-1"
    id_ = http.post("/train", json=TRAIN).json()["id"]
    with connect(f"{url}?job={id_}&after=0") as socket:
        queued = json.loads(socket.recv(10))
        http.post(f"/jobs/{id_}/cancel")
        assert json.loads(socket.recv(10))["state"] == "cancelled"
    assert (queued["job"], queued["state"]) == (id_, "queued")
    http.post(f"/jobs/{id_}/retry")
    with connect(f"{url}?job={id_}&after={queued['id']}") as socket:
        states = [json.loads(socket.recv(10))["state"] for _ in range(2)]
    assert states == ["cancelled", "queued"]


def test_openapi_names_every_route_and_its_examples_are_requests(tmp_path: Path) -> None:
    """The contract: typed answers, problems for errors, and examples that pass their own models."""
    contract = make_app(Settings(tmp_path)).openapi()
    assert set(contract["paths"]) == {
        *("/health", "/metrics", "/train", "/adapt", "/audit", "/simulate", "/jobs", "/jobs/{id}"),
        *("/jobs/{id}/cancel", "/jobs/{id}/retry", "/jobs/{id}/log", "/jobs/{id}/files"),
        *("/jobs/{id}/files/{name}", "/evaluate-world", "/packets", "/eval/ladder"),
        *("/packets/{digest}", "/packets/{digest}/file", "/instruction-packet/compile"),
    }
    requests = [each for each in models.Request.__subclasses__()]
    assert len(requests) == 6
    for model in requests:
        examples = contract["components"]["schemas"][model.__name__]["examples"]
        assert all(model(**example) for example in examples)
    (example,) = contract["components"]["schemas"]["LadderList"]["examples"]
    assert models.LadderList(**example).model_dump(mode="json", exclude_none=True) == example
    for path, verbs in contract["paths"].items():
        for verb, operation in verbs.items():
            assert operation.get("description") or operation.get("summary"), (path, verb)
            if path != "/health":
                assert "401" in operation["responses"], (path, verb)
