# SPDX-License-Identifier: Apache-2.0
"""The examination of a policy: phantom paths, an auditor that shares nothing but the data, and a few real episodes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from torch import Tensor, nn

from plasma_trainer.audit import (
    AuditReport,
    Canary,
    Evidence,
    Flight,
    Limit,
    actions_outside,
    broken,
    disagreement_ratio,
    disagreement_share,
    reward_shortfall,
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
    learner: Learner,
    auditor: Ensemble,
    plant: gym.Env[Any, Any] | None,
    seed: int,
    limits: Sequence[Limit] = (),
) -> tuple[AuditReport, Evidence]:
    """What there is to say of the learner's policy. `plant`: where a canary of CANARIES episodes flies; None: nowhere.

    `auditor` knows the data as the learner's own world does, see `auditor_of`. Raises UsageError for a limit on an
    entry that the observation does not have.
    """
    data, task = learner.experience()
    start = torch.from_numpy(learner.everything.reset_obs)
    paths = _phantoms(learner, learner.policy, learner.world, start, seed)
    imagined = float(paths.first_returns.mean())
    seen_by_auditor = float(
        _phantoms(learner, learner.policy, auditor, start, seed).first_returns.mean()
    )
    usual = float(abs(learner.everything.episode_returns).max())
    flights = [] if plant is None else _flights(learner, plant, seed)
    report = AuditReport(
        imagined_return=imagined,
        usual_return=usual,
        unsupported_share=unsupported_share(learner.world, task, paths),
        disagreement_share=disagreement_share(auditor, data, paths),
        disagreement_ratio=disagreement_ratio(auditor, data, paths),
        auditor_gap=shortfall(imagined, seen_by_auditor, usual),
        reward_gap=reward_shortfall(auditor, paths, usual),
        actions_outside=actions_outside(learner.world, paths),
        limits_broken=_broken(limits, paths.next_obs[paths.in_first_episode]),
        canary=_canary(flights, usual, limits) if flights else None,
    )
    return report, _evidence(learner, paths, flights)


def promise(learner: Learner, policy: nn.Module, seed: int) -> float:
    """The return that the learner's world promises to `policy`."""
    start = torch.from_numpy(learner.everything.reset_obs)
    return float(_phantoms(learner, policy, learner.world, start, seed).first_returns.mean())


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
        promised = _phantoms(learner, learner.policy, learner.world, start, seed)
        flights.append(Flight(episode.obs, episode.rewards, promised))
    return flights


def _canary(flights: list[Flight], usual: float, limits: Sequence[Limit]) -> Canary:
    promised = float(np.mean([flight.promised.first_returns.mean() for flight in flights]))
    earned = float(np.mean([flight.rewards.sum() for flight in flights]))
    steps = sum(len(flight.rewards) for flight in flights)
    obs = torch.from_numpy(np.concatenate([flight.obs for flight in flights]))
    gap = shortfall(promised, earned, usual)
    return Canary(promised, earned, len(flights), steps, gap, _broken(limits, obs))


def _broken(limits: Sequence[Limit], obs: Tensor) -> float | None:
    """Share of observations [N, O]; None without limits."""
    return float(broken(limits, obs).float().mean()) if limits else None


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


def _phantoms(
    learner: Learner, policy: nn.Module, world: Ensemble, start_obs: Tensor, seed: int
) -> Paths:
    """Paths of a policy as a robot would fly it, as long as an episode."""
    return simulate(
        world,
        lambda obs, _: greedy(policy, obs),
        world.start(start_obs),
        PATHS,
        step_limit(learner.plant),
        derive(seed, "phantoms"),
    )
