# SPDX-License-Identifier: Apache-2.0
"""What of a job's files may be fetched: those named here. Checkpoints may not; they are for the trainer alone."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from plasma_trainer.server.jobs import Job
from plasma_trainer.server.settings import Settings

MAX_LOG_BYTES = 256 << 10
Artefact = Literal["args.json", "result.json", "audit.json", "worlds.json", "strip.png", "film.gif"]
MEDIA = {".json": "application/json", ".png": "image/png", ".gif": "image/gif"}


def artefacts(job: Job, settings: Settings) -> list[Artefact]:
    """Names of the files that are there."""
    return [name for name in get_args(Artefact) if (settings.run(job.run) / name).exists()]


def artefact(job: Job, settings: Settings, name: Artefact) -> tuple[bytes, str]:
    """A file and its media type. Raises FileNotFoundError."""
    path = settings.run(job.run) / name
    return path.read_bytes(), MEDIA[Path(name).suffix]


def log_tail(job: Job, settings: Settings) -> str:
    """What the job's command has said, the last MAX_LOG_BYTES of it."""
    path = settings.job(job.id) / "log.txt"
    if not path.exists():
        return ""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - MAX_LOG_BYTES))
        return file.read().decode("utf-8", "replace")
