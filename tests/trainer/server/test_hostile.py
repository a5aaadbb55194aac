# SPDX-License-Identifier: Apache-2.0
"""Whatever a request says, the server answers with a problem and makes no mistake of its own."""

from __future__ import annotations

import asyncio
import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2

from plasma_trainer.server.app import make_app
from plasma_trainer.server.settings import Settings

REQUESTS = 600
ID, DIGEST = "0" * 32, "0" * 64
WORK = ["/train", "/adapt", "/audit", "/simulate", "/instruction-packet/compile", "/packets"]
SHOWN = [
    *("/jobs", f"/jobs/{ID}", f"/jobs/{ID}/log", "/jobs/x", "/packets", f"/packets/{DIGEST}"),
    *(f"/packets/{DIGEST}/file", "/health", "/metrics", "/ws/x"),
]
QUERIES = ["", "?state=%ff", "?limit=-1", f"?limit={10**30}", "?kind=%00", "?channel=%ed%a0%80"]
NAMES = ["env", "run", "base", "seed", "threshold", "description", "channel", "\ud800", "out"]
VALUES: list[Any] = [
    *(None, 0, -1, 1e308, 2**70, float("nan"), float("inf"), True, [], {}, [[[]]], ID, DIGEST),
    *("", "\ud800", "\0", "a" * 3000, "../../etc", "CartPole-v1", "é"),
]
HEADERS: list[dict[str, str]] = [
    *({}, {}, {"Idempotency-Key": "a b"}, {"Idempotency-Key": "x" * 200}, {"Range": "bytes=5-2"}),
    *({"Authorization": "Bearer x"}, {"Authorization": f"Bearer pe_{'0' * 16}_{DIGEST}"}),
]


def body(dice: random.Random) -> bytes:
    fields = {dice.choice(NAMES): dice.choice(VALUES) for _ in range(dice.randrange(5))}
    if dice.random() < 0.5:
        fields["env"] = "CartPole-v1"
    nonsense = [b"", b"{", b"[" * 20_000, b"\xff\xfe", json.dumps(dice.choice(VALUES)).encode()]
    return dice.choice([*nonsense, *[json.dumps(fields).encode()] * 5])


async def ask(folder: Path) -> Counter[int]:
    """Answers by status."""
    dice, answers = random.Random(5), Counter[int]()
    app = make_app(Settings(folder, requests_per_s=1e6))
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://127.0.0.1") as http:
        for _ in range(REQUESTS):
            method, path = dice.choice(
                [("POST", dice.choice(WORK)), ("GET", dice.choice(SHOWN) + dice.choice(QUERIES))]
            )
            kind = dice.choice(
                ["application/json"] * 3 + ["text/plain", "application/octet-stream"]
            )
            headers = {"Content-Type": kind, **dice.choice(HEADERS)}
            content = body(dice) if method == "POST" else None
            answer = await http.request(method, path, content=content, headers=headers)
            assert answer.status_code < 500, (method, path, content, headers, answer.text)
            if answer.status_code >= 400:
                assert answer.headers["content-type"] == "application/problem+json", (method, path)
            answers[answer.status_code] += 1
    return answers


def test_no_request_makes_the_server_stumble(tmp_path: Path) -> None:
    answers = asyncio.run(ask(tmp_path))
    assert {200, 202, 400, 401, 404, 422} <= set(answers)
