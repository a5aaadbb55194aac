# SPDX-License-Identifier: Apache-2.0
"""The examination of a policy: phantom paths, an auditor that shares nothing but the data, and a few real episodes."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor

from plasma_trainer.audit import (
    AuditReport,
    Canary,
    Evidence,
    Flight,
    disagreement_share,
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
from plasma_trainer.policies import greedy, greedy_act
from plasma_trainer.world_models import Ensemble, fit

PATHS = 64
CANARIES = 3  # real episodes: one of them may be lucky
AUDITOR_UPDATES = 1500


def examine(
    learner: Learner, auditor: Ensemble, plant: gym.Env[Any, Any] | None, seed: int
) -> tuple[AuditReport, Evidence]:
    """What there is to say of the learner's policy. `plant`: where a canary of CANARIES episodes flies; None: nowhere.

    `auditor` knows the data as the learner's own world does, see `auditor_of`.
    """
    data, task = learner.experience()
    start = torch.from_numpy(learner.everything.reset_obs)
    paths = _phantoms(learner, learner.world, start, seed)
    imagined = float(paths.first_returns.mean())
    seen_by_auditor = float(_phantoms(learner, auditor, start, seed).first_returns.mean())
    usual = float(abs(learner.everything.episode_returns).max())
    flights = [] if plant is None else _flights(learner, plant, seed)
    report = AuditReport(
        imagined_return=imagined,
        usual_return=usual,
        unsupported_share=unsupported_share(learner.world, task, paths),
        disagreement_share=disagreement_share(auditor, data, paths),
        auditor_gap=shortfall(imagined, seen_by_auditor, usual),
        canary=_canary(flights, usual) if flights else None,
    )
    return report, _evidence(learner, paths, flights)


def auditor_of(learner: Learner, seed: int) -> Ensemble:
    """A world that shares nothing with the learner's but the data."""
    torch.manual_seed(derive(seed, "auditor"))
    world = learner.world
    auditor = Ensemble(world.obs_size, world.action_size, world.discrete)
    fit(auditor, *learner.experience(), AUDITOR_UPDATES, derive(seed, "auditor-fit"))
    return auditor


def _flights(learner: Learner, plant: gym.Env[Any, Any], seed: int) -> list[Flight]:
    act = greedy_act(learner.policy)
    flights = []
    for index in range(CANARIES):
        episode = fly(plant, act, derive(seed, "canary", index))
        start = torch.from_numpy(episode.first_obs)[None]
        flights.append(Flight(episode.rewards, _phantoms(learner, learner.world, start, seed)))
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


def _phantoms(learner: Learner, world: Ensemble, start_obs: Tensor, seed: int) -> Paths:
    """Paths of the policy as a robot would fly it, as long as an episode."""
    policy, horizon = learner.policy, step_limit(learner.plant)
    return simulate(
        world,
        lambda obs, _: greedy(policy, obs),
        world.start(start_obs),
        PATHS,
        horizon,
        derive(seed, "phantoms"),
    )
