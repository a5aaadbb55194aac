# SPDX-License-Identifier: Apache-2.0
"""GET /eval/ladder: how the policies of a plant stand, from the file that `plasma-train ladder` keeps."""

from __future__ import annotations

import json
import re
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from fastapi import APIRouter

from plasma_trainer.server import models
from plasma_trainer.server.access import Access
from plasma_trainer.server.problems import RESPONSES, ProblemError
from plasma_trainer.server.settings import Settings


def routes(settings: Settings, access: Access) -> APIRouter:
    """The route."""
    router = APIRouter(responses=RESPONSES, tags=["evaluation"])

    @router.get("/eval/ladder", dependencies=[access.may("read")])
    def get_ladders() -> models.LadderList:
        """The ladders that were climbed, the latest first: one a plant, best policy first, 95 % intervals."""
        return models.LadderList(ladders=ladders(settings))

    return router


def ladders(settings: Settings) -> list[models.LadderView]:
    """What is in the file, none before there is one."""
    if not settings.ladder.exists():
        return []
    try:
        with closing(sqlite3.connect(f"{settings.ladder.as_uri()}?mode=ro", uri=True)) as db:
            rows = db.execute("SELECT env, variant, climbed, ladder FROM ladders").fetchall()
    except sqlite3.DatabaseError as error:
        raise ProblemError(503, f"the ladder cannot be read ({error}); climb it again") from error
    found = [_view(settings, *row) for row in rows]
    return sorted(found, key=lambda ladder: ladder.climbed, reverse=True)


def _view(
    settings: Settings, env: str, variant: str, climbed: float, ladder: str
) -> models.LadderView:
    found = json.loads(ladder)
    rungs = [
        {**rung, **rung["standing"], **_origin(settings, Path(rung["run"]))}
        for rung in found["rungs"]
    ]
    return models.LadderView(**{**found, "rungs": rungs}, env=env, variant=variant, climbed=climbed)


def _origin(settings: Settings, run: Path) -> dict[str, Any]:
    """The job whose run this is; of others only a name, because where they are is nobody's business."""
    id_ = run.parent.name if run.name == "run" else ""
    if re.fullmatch(models.JOB_ID, id_) and settings.job(id_).exists():
        return {"job": id_, "run": id_}
    return {"job": None, "run": run.name}
