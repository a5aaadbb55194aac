# SPDX-License-Identifier: Apache-2.0
"""Requests that Schemathesis makes up from the server's own contract, right and wrong ones, against a real server.

    python -m tests.trainer.server.fuzz --requests 10000

Half of the ids are ids of something that is there. Every answer must be one that the contract names, and no mistake of
the server's: a 5xx that the contract does not name counts as unexpected.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

import hypothesis
import schemathesis
from hypothesis import strategies as st
from rich.progress import track
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from plasma_pack import build, keygen, open_packet
from plasma_trainer.server import staging
from plasma_trainer.server.jobs import Jobs
from plasma_trainer.server.models import TrainRequest
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Store
from tests.trainer.server.conftest import PROGRAM
from tests.trainer.server.processes import serving
from tests.trainer.server.record import record

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


def fuzz(folder: Path, requests: int, seed: int) -> Counter[int]:
    """Answers by status. Raises what a check raises, with the request that did it, made small."""
    settings, known = _school(folder)
    signer = f"--signer={settings.signers[0]}"
    answers: Counter[int] = Counter()
    with serving(settings.data, "--workers=0", signer) as http:
        schema = schemathesis.openapi.from_url(f"{http.base_url}/openapi.json")
        operations = [each.ok() for each in schema.get_all_operations()]
        each = -(-requests // len(operations))
        for index, operation in enumerate(track(operations, description="operations")):
            _try(operation, known, each, seed + index, answers)
    return answers


def _try(operation: Any, known: list[str], count: int, seed: int, answers: Counter[int]) -> None:
    modes = list(schemathesis.GenerationMode)
    cases = st.one_of([operation.as_strategy(generation_mode=mode) for mode in modes])
    done = 0

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=count,
        database=None,
        deadline=None,
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(case=cases, id_=st.sampled_from([*known, *[None] * len(known)]))
    def one(case: Any, id_: str | None) -> None:
        nonlocal done
        if id_ is not None:
            _refer(case, id_)
        answer = case.call()
        answers[answer.status_code] += 1
        done += 1
        if answer.status_code != 429:  # too many a second; asked again another time
            case.validate_response(answer, checks=CHECKS)

    while done < count:  # hypothesis stops early where it has seen all there is
        one()


def _refer(case: Any, id_: str) -> None:
    """Ask about something that is there, and without a made-up token."""
    (case.headers or {}).pop("Authorization", None)
    for name in ("id", "digest"):
        if name in (case.path_parameters or {}):
            case.path_parameters[name] = id_
    for name in ("run", "base", "base_packet"):
        if isinstance(case.body, dict) and name in case.body:
            case.body[name] = id_


def _school(folder: Path) -> tuple[Settings, list[str]]:
    """A server's directory with a finished and a waiting job and a staged packet; their ids."""
    keygen(folder / "release.pem")
    (folder / "policy.pasm").write_text(PROGRAM.format(weight=7))
    settings = Settings(folder / "school", signers=(folder / "release.pub",))
    store = Store(settings.database)
    jobs, asked = Jobs(store), TrainRequest(env="CartPole-v1").params()
    done, _ = jobs.submit("train", asked, owner="x")
    claimed = jobs.claim()
    assert claimed is not None
    jobs.finish(claimed, {"solved": True})
    waiting, _ = jobs.submit("train", asked, owner="x")
    packet = build(folder / "policy.pasm", key=folder / "release.pem").data
    staged = staging.release(open_packet(packet), settings, "walker", "bench", 1)
    entry = Registry(store, settings).add(staged, channel="bench", run=done.id)
    return settings, [done.id, waiting.id, entry.digest]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        answers = fuzz(Path(folder), args.requests, args.seed)
    figures = {
        "requests": answers.total(),
        "unexpected_5xx": 0,  # or a check had raised
        "statuses": {str(status): answers[status] for status in sorted(answers)},
        "seconds": round(time.monotonic() - began),
    }
    record("fuzz", " ".join(["python -m tests.trainer.server.fuzz", *sys.argv[1:]]), figures)


if __name__ == "__main__":
    main()
