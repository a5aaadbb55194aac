# SPDX-License-Identifier: Apache-2.0
"""Phantom paths of a finished run's policy: what it was promised, step by step, and how much of that to believe."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from rich.table import Table
from torch import Tensor

from plasma_trainer.audit import SHARE_LIMIT, disputed, unsupported
from plasma_trainer.data import Paths, Recording, derive, save_minari
from plasma_trainer.imagination import simulate
from plasma_trainer.pipelines.examine import auditor_of
from plasma_trainer.pipelines.skills import Skill
from plasma_trainer.policies import greedy


@dataclass(frozen=True)
class Audited:
    """B paths with their scores, [B] each: shares of a path's steps, see audit/detectors.py."""

    paths: Paths
    unsupported: Tensor
    disputed: Tensor

    @property
    def flagged(self) -> Tensor:
        """[B] bool: most of the path rests on nothing."""
        return (self.unsupported > SHARE_LIMIT) | (self.disputed > SHARE_LIMIT)

    @property
    def table(self) -> Table:
        table = Table(show_header=False, box=None)
        inside, returns = self.paths.in_first_episode, self.paths.first_returns
        table.add_row("paths", f"{len(returns)}, {int(inside.sum()):,} steps")
        table.add_row("return, imagined", f"{returns.mean():.1f} (worst {returns.min():.1f})")
        table.add_row("uncertainty", f"{self.paths.uncertainty[inside].mean():.3g} a step")
        for name in ("unsupported", "disputed"):
            table.add_row(name, f"{getattr(self, name).mean():.1%} of the steps")
        table.add_row("flagged", f"{int(self.flagged.sum())} paths")
        return table


def imagine(skill: Skill, n: int, horizon: int, temperature: float, seed: int) -> Audited:
    """`n` audited paths of at most `horizon` steps from real first observations, under the policy a robot would run."""
    learner, policy = skill.learner, skill.learner.policy
    plant, task = learner.experience()
    start = learner.world.start(torch.from_numpy(learner.everything.reset_obs))
    paths = simulate(
        learner.world,
        lambda obs, _: greedy(policy, obs),
        start,
        n,
        horizon,
        derive(seed, "imagine"),
        temperature,
    )
    steps = paths.obs.flatten(0, 1), paths.action.flatten(0, 1)
    return Audited(
        paths,
        _share(paths, unsupported(learner.world, task, *steps)),
        _share(paths, disputed(auditor_of(learner, seed), plant, *steps)),
    )


def save(skill: Skill, audited: Audited, dataset_id: str) -> int:
    """Write the paths that were not flagged as a Minari dataset, and return how many. Dreams next to real logs."""
    believed = Paths(*(column[:, ~audited.flagged] for column in vars(audited.paths).values()))
    log, plant = believed.first_episodes(), skill.learner.plant
    recording = Recording(log, plant.observation_space, plant.action_space, skill.env)
    save_minari(recording, dataset_id, "imagined by a world model of plasma-trainer")
    return len(log.episodes)


def _share(paths: Paths, found: Tensor) -> Tensor:
    """[T * B] bool -> [B]: the share of each path's first episode."""
    inside = paths.in_first_episode
    return (found.view(inside.shape) & inside).sum(0) / inside.sum(0)
