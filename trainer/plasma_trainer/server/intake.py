# SPDX-License-Identifier: Apache-2.0
"""From a request to a job, or the reason why not: what the API and the page both go through."""

from __future__ import annotations

import gymnasium as gym

from plasma_trainer.server import models
from plasma_trainer.server.jobs import ConflictError, Job, Jobs
from plasma_trainer.server.problems import ProblemError
from plasma_trainer.server.recipes import env_of
from plasma_trainer.server.registry import Registry
from plasma_trainer.server.settings import Settings


class Intake:
    """Takes requests whose form is right already, and looks at what they refer to."""

    def __init__(self, settings: Settings, jobs: Jobs, packets: Registry) -> None:
        self._settings, self._jobs, self._packets = settings, jobs, packets

    def submit(self, asked: models.Request, owner: str, key: str | None = None) -> tuple[Job, bool]:
        """The job, and whether it is new. Raises ProblemError or ConflictError."""
        run = None
        match asked:
            case models.TrainRequest():
                _needs_a_goal(asked)
            case models.AdaptRequest():
                self._finished(asked.base, "train")
            case models.AuditRequest() | models.SimulateRequest():
                run = self._finished(asked.run, "train", "adapt").id
            case models.CompileRequest():
                run = self._compilable(asked).id
        return self._jobs.submit(
            asked.kind, asked.params(), owner=owner, run=run, priority=asked.priority, key=key
        )

    def job(self, id_: str) -> Job:
        """The job with this id. Raises ProblemError."""
        try:
            return self._jobs.get(id_)
        except KeyError:
            raise ProblemError(404, f"no job has the id {id_}") from None

    def _finished(self, id_: str, *kinds: str) -> Job:
        job = self.job(id_)
        if job.kind not in kinds:
            raise ProblemError(
                422, f"job {id_} is of kind {job.kind}, expected {' or '.join(kinds)}"
            )
        if job.state != "done":
            raise ConflictError(f"job {id_} is {job.state}, expected one that is done")
        return job

    def _compilable(self, asked: models.CompileRequest) -> Job:
        if self._settings.key is None and not self._settings.signers:
            raise ConflictError("this server knows no signer; start it with --signer or --key")
        run = self._finished(asked.run, "train", "adapt")
        if (run.kind == "adapt") != (asked.base_packet is not None):
            raise ProblemError(422, "base_packet is for adapters, and an adapter needs it")
        if asked.base_packet is not None:
            try:
                self._packets.get(asked.base_packet)
            except KeyError:
                raise ProblemError(404, f"no packet has the digest {asked.base_packet}") from None
        return run


def _needs_a_goal(asked: models.TrainRequest) -> None:
    if asked.threshold is None and gym.spec(env_of(asked.env)).reward_threshold is None:
        raise ProblemError(
            422, f"{asked.env} was registered without a reward threshold; send `threshold`"
        )
