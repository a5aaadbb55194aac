# SPDX-License-Identifier: Apache-2.0
"""What the templates are told: rows of the database in the words of the page."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import gymnasium as gym

from plasma_trainer.server.artefacts import artefact, artefacts
from plasma_trainer.server.jobs import ENDED, Job, Jobs
from plasma_trainer.server.models import LadderView
from plasma_trainer.server.recipes import RECIPES, env_of
from plasma_trainer.server.registry import Entry
from plasma_trainer.server.settings import Settings

VERBS = {
    "train": "Train",
    "adapt": "Adapt",
    "audit": "Audit",
    "simulate": "Fly",
    "compile": "Compile",
    "worlds": "Judge worlds",
}
PLAIN = "gymnasium.envs.classic_control"  # suggested; others are typed


@dataclass(frozen=True)
class Line:
    """One job in a list. `said` is what came of it, in a few words."""

    job: Job
    title: str
    said: str

    @property
    def is_over(self) -> bool:
        return self.job.state in ENDED


def lines(found: list[Job], jobs: Jobs) -> list[Line]:
    """The jobs with their titles."""
    known = {job.id: job for job in found}

    def env(job: Job) -> str:
        if "env" in job.params:
            return str(job.params["env"])
        of = job.params.get("base") or job.run
        if of not in known:
            known[of] = jobs.get(of)
        return env(known[of])

    return [Line(job, f"{VERBS[job.kind]} {env(job)}", _said(job)) for job in found]


def _said(job: Job) -> str:
    """What came of a job."""
    found = job.result or {}
    if job.error:
        return job.error
    if "solved" in found:
        solved = "solved" if found["solved"] else "not solved"
        return f"{solved} with {found['real_steps']:,} real steps, return {found['returns']['mean']:.0f}"
    if "verdict" in found:
        return str(found["verdict"])
    if "returns" in found:
        return f"return {found['returns']['mean']:.0f} in {found['returns']['episodes']} episodes"
    if "packet" in found:
        return f"packet {found['packet'][:12]}" + ("" if found["is_signed"] else ", to be signed")
    return ", ".join(found.get("worlds", ()))


def curve(job: Job, jobs: Jobs) -> tuple[list[dict[str, Any]], int]:
    """Points of the learning curve so far, and the id of the last event that is in it."""
    events = jobs.events(0, job.id)
    points = {event["real_steps"]: event for event in events if "real_steps" in event}
    return list(points.values()), events[-1]["id"] if events else 0


def goal(job: Job) -> float | None:
    """The return that counts as solved."""
    asked: float | None = job.params.get("threshold")
    spec = gym.registry.get(env_of(job.params.get("env", "")))
    return asked if asked is not None or spec is None else spec.reward_threshold


def environments() -> list[str]:
    """Names to suggest: recipes, and what runs without anything else installed."""
    return sorted(RECIPES) + sorted(
        id_ for id_, spec in gym.registry.items() if str(spec.entry_point).startswith(PLAIN)
    )


def worlds(job: Job, settings: Settings) -> dict[str, Any] | None:
    """What the judge found, by world; None before it has."""
    if "worlds.json" not in artefacts(job, settings):
        return None
    return dict(json.loads(artefact(job, settings, "worlds.json")[0]))


def name(entry: Entry) -> str:
    """What a packet is called, or the beginning of its digest."""
    return entry.description["manifest"].get("name") or entry.digest[:12]


def lineage(entry: Entry, every: list[Entry]) -> tuple[list[Entry], list[Entry]]:
    """The files of the base that an adapter is for, and the adapters that are for a base."""
    base = entry.description["base_digest"]
    bases = [each for each in every if base is not None and each.content_digest == base]
    adapters = [each for each in every if each.description["base_digest"] == entry.content_digest]
    return bases, adapters


@dataclass(frozen=True)
class Scale:
    """Where returns are drawn: as shares of the way from the least to the greatest that a ladder shows."""

    low: float
    high: float

    @classmethod
    def of(cls, ladder: LadderView) -> Scale:
        bounds = [bound for rung in ladder.rungs for bound in rung.iqm_interval]
        promised = [rung.imagined for rung in ladder.rungs if rung.imagined is not None]
        return cls(min(bounds + promised), max(bounds + promised))

    def at(self, value: float) -> str:
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return f"{2 + 96 * share:.1f}%"  # dots have a radius
