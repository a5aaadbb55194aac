# SPDX-License-Identifier: Apache-2.0
"""Did the policy learn the task, or the mistakes of its world? Offline scores, then a few real episodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from plasma_trainer.audit import (
    AuditReport,
    Canary,
    Evidence,
    Flight,
    disagreement_share,
    page,
    section,
    shortfall,
    unsupported,
    unsupported_share,
    visited,
    worst_paths,
)
from plasma_trainer.data import Paths, derive
from plasma_trainer.envs import fly, step_limit
from plasma_trainer.imagination import simulate
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.runs import write_json, write_whole
from plasma_trainer.pipelines.skills import Skill
from plasma_trainer.policies import greedy, greedy_act
from plasma_trainer.world_models import Ensemble, fit

PATHS = 64
CANARIES = 3  # real episodes: one of them may be lucky
AUDITOR_UPDATES = 1500


def audit(skill: Skill, out: Path, canary: bool, seed: int) -> AuditReport:
    """Audit the policy of a finished run; the report is written to `out`/audit.json, and as a page beside it.

    With `canary`, CANARIES real episodes are flown on the skill's plant; their steps are counted in the report and
    never learnt from.
    """
    report, evidence = examine(skill, auditor_of(skill.learner, seed), canary, seed)
    write_json(out / "audit.json", report.as_dict())
    text = page(f"{skill.env}, {skill.variant}", report, evidence)
    write_whole(out / "audit.html", lambda scratch: scratch.write_text(text) and None)
    return report


def examine(
    skill: Skill, auditor: Ensemble, canary: bool, seed: int
) -> tuple[AuditReport, Evidence]:
    """The audit itself, which writes nothing. `auditor` knows the data as the skill's own world does."""
    learner = skill.learner
    plant, task = learner.experience()
    start = torch.from_numpy(learner.everything.reset_obs)
    paths = _phantoms(skill, learner.world, start, seed)
    imagined = float(paths.first_returns.mean())
    seen_by_auditor = float(_phantoms(skill, auditor, start, seed).first_returns.mean())
    usual = float(abs(learner.everything.episode_returns).max())
    flights = _flights(skill, seed) if canary else []
    report = AuditReport(
        imagined_return=imagined,
        usual_return=usual,
        unsupported_share=unsupported_share(learner.world, task, paths),
        disagreement_share=disagreement_share(auditor, plant, paths),
        auditor_gap=shortfall(imagined, seen_by_auditor, usual),
        canary=_canary(flights, usual) if flights else None,
    )
    return report, _evidence(learner, paths, flights)


def read_section(out: Path) -> dict[str, Any] | None:
    """What of `out`/audit.json is to be signed into a packet; None when the run was not audited."""
    path = out / "audit.json"
    return section(json.loads(path.read_text())) if path.exists() else None


def auditor_of(learner: Learner, seed: int) -> Ensemble:
    """A world that shares nothing with the learner's but the data."""
    torch.manual_seed(derive(seed, "auditor"))
    world = learner.world
    auditor = Ensemble(world.obs_size, world.action_size, world.discrete)
    fit(auditor, *learner.experience(), AUDITOR_UPDATES, derive(seed, "auditor-fit"))
    return auditor


def _flights(skill: Skill, seed: int) -> list[Flight]:
    plant, act = skill.plant(), greedy_act(skill.learner.policy)
    flights = []
    for index in range(CANARIES):
        episode = fly(plant, act, derive(seed, "canary", index))
        start = torch.from_numpy(episode.first_obs)[None]
        flights.append(Flight(episode.rewards, _phantoms(skill, skill.learner.world, start, seed)))
    return flights


def _canary(flights: list[Flight], usual: float) -> Canary:
    promised = float(np.mean([flight.promised.first_returns.mean() for flight in flights]))
    earned = float(np.mean([flight.rewards.sum() for flight in flights]))
    steps = sum(len(flight.rewards) for flight in flights)
    return Canary(promised, earned, len(flights), steps, shortfall(promised, earned, usual))


def _evidence(learner: Learner, paths: Paths, flights: list[Flight]) -> Evidence:
    _, task = learner.experience()
    obs, action = visited(paths)
    worst = worst_paths(paths)
    doubted = [
        unsupported(learner.world, task, paths.obs[:, index], paths.action[:, index])
        for index in worst
    ]
    return Evidence(
        task["obs"],
        obs,
        unsupported(learner.world, task, obs, action),
        paths,
        worst,
        torch.stack(doubted, dim=1),
        flights,
    )


def _phantoms(skill: Skill, world: Ensemble, start_obs: Tensor, seed: int) -> Paths:
    """Paths of the policy as a robot would fly it, as long as an episode."""
    policy, horizon = skill.learner.policy, step_limit(skill.learner.plant)
    return simulate(
        world,
        lambda obs, _: greedy(policy, obs),
        world.start(start_obs),
        PATHS,
        horizon,
        derive(seed, "phantoms"),
    )
