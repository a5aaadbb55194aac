# SPDX-License-Identifier: Apache-2.0
"""GET /eval/ladder and the page /ladder, of a file that `plasma-train ladder` would have written."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from plasma_trainer.audit.ranking import Standing
from plasma_trainer.pipelines.ladder import SCHEMA, Ladder, Rung
from plasma_trainer.server.models import LadderList
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from plasma_trainer.server.tokens import Tokens
from tests.trainer.server.processes import serving

HERE = "a" * 32  # a job of this server
BEST = Standing(480.0, (450.0, 500.0), 1, (1, 1))
NEXT = Standing(120.0, (100.0, 150.0), 2, (2, 3))
LAST = Standing(90.0, (80.0, 110.0), 3, (2, 3))


def climb(settings: Settings, *, env: str, climbed: float, parted: bool) -> None:
    promised = (100.0, 200.0, 300.0) if parted else (None, None, None)
    runs = (settings.run(HERE), Path("/secret/place/hasty"), Path("/x") / ("b" * 32) / "run")
    rungs = [
        Rung(run, standing, imagined, over)
        for run, standing, imagined, over in zip(
            runs, (BEST, NEXT, LAST), promised, (0.9, 0.6, None), strict=True
        )
    ]
    ladder = Ladder(rungs, stability=0.75, honesty=-1.0 if parted else None)
    with sqlite3.connect(settings.ladder) as db:
        db.executescript(SCHEMA)
        row = (env, "nominal", climbed, ladder.json)
        db.execute("insert or replace into ladders values (?, ?, ?, ?)", row)
    db.close()


@pytest.fixture(scope="module")
def settings(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    found = Settings(tmp_path_factory.mktemp("server"))
    found.job(HERE).mkdir(parents=True)
    return found


@pytest.fixture(scope="module")
def http(settings: Settings) -> Iterator[httpx2.Client]:
    token = Tokens(Store(settings.database)).create("ann", ("read",), 1)
    with serving(settings.data, "--workers=0", "--require-token") as client:
        client.headers["Authorization"] = f"Bearer {token}"
        yield client


def test_there_is_none_before_somebody_climbs(http: httpx2.Client, settings: Settings) -> None:
    settings.ladder.unlink(missing_ok=True)
    assert http.get("/eval/ladder").json() == {"ladders": []}
    assert "Nobody has climbed yet" in http.get("/ladder").text


def test_ladders_are_shown_the_latest_first(http: httpx2.Client, settings: Settings) -> None:
    climb(settings, env="CartPole-v1", climbed=1.0, parted=False)
    climb(settings, env="Acrobot-v1", climbed=2.0, parted=True)
    latest, earlier = LadderList(**http.get("/eval/ladder").json()).ladders
    assert (latest.env, latest.parted, latest.honesty) == ("Acrobot-v1", True, -1.0)
    assert (earlier.env, earlier.parted, earlier.honesty) == ("CartPole-v1", False, None)
    first, second, third = latest.rungs
    assert (first.run, first.job, first.rank, first.iqm) == (HERE, HERE, 1, 480.0)
    assert (second.run, second.job, second.rank_interval) == ("hasty", None, (2, 3))
    assert (third.run, third.job, third.over_next) == ("run", None, None)
    assert "secret" not in http.get("/eval/ladder").text


def test_the_page_draws_intervals_and_flags_what_parts(
    http: httpx2.Client, settings: Settings
) -> None:
    climb(settings, env="CartPole-v1", climbed=1.0, parted=False)
    climb(settings, env="Acrobot-v1", climbed=2.0, parted=True)
    page = http.get("/ladder").text
    assert page.count("<svg") == 6
    assert f'<a href="/ui/jobs/{HERE}">' in page
    assert len(re.findall('role="alert">Imagination ranks', page)) == 1
    assert page.index("Acrobot-v1") < page.index("CartPole-v1")
    drawn = [float(x) for x in re.findall(r'cx="([\d.]+)%"', page)]
    assert all(2 <= x <= 98 for x in drawn)
    assert drawn[0] > drawn[1] > drawn[2]
    assert not re.search("style=|secret", page)


def test_only_readers_see_it(http: httpx2.Client) -> None:
    assert http.get("/eval/ladder", headers={"Authorization": "Bearer x"}).status_code == 401
    assert http.get("/ladder", headers={"Authorization": "Bearer x"}).status_code == 303


def test_a_file_that_is_something_else_is_told(http: httpx2.Client, settings: Settings) -> None:
    settings.ladder.write_text("no ladder" * 999)
    answer = http.get("/eval/ladder")
    assert (answer.status_code, answer.json()["code"]) == (503, "busy")
    assert "climb it again" in answer.json()["detail"]
    assert http.get("/ladder").status_code == 503
    settings.ladder.unlink()
