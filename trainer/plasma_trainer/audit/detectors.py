# SPDX-License-Identifier: Apache-2.0
"""What can be said about a policy from data and imagination alone: scores that rank, and do not decide.

A policy trained in a world can learn the world's mistakes. Each score measures one symptom of that on phantom paths of
the policy; all are 0 for a policy that stays with the data, and grow with exploitation.

Shapes: N real transitions, P phantom steps, F = O + A features of a step.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.audit.report import shortfall
from plasma_trainer.data import Paths
from plasma_trainer.world_models import Ensemble

NEIGHBOUR = 5  # a step's distance to the data is that to its 5th neighbour there: one odd transition is no support
QUANTILE = 0.99
MOST_STEPS = 4000  # phantom steps looked at


def unsupported_share(world: Ensemble, data: dict[str, Tensor], paths: Paths) -> float:
    """Share of phantom steps further from the data than 99 % of the data is from itself (k nearest neighbours)."""
    return float(unsupported(world, data, *visited(paths)).float().mean())


def unsupported(world: Ensemble, data: dict[str, Tensor], obs: Tensor, action: Tensor) -> Tensor:
    """[P] bool: the step obs [P, O], action is further from the data than 99 % of the data is from itself."""
    real = _features(world, data["obs"], data["action"])  # [N, F]
    within = (
        torch.cdist(real, real).kthvalue(NEIGHBOUR + 1, dim=1).values
    )  # the first neighbour is the step itself
    across = torch.cdist(_features(world, obs, action), real).kthvalue(NEIGHBOUR, dim=1).values
    return across > within.quantile(QUANTILE)


def disagreement_share(auditor: Ensemble, data: dict[str, Tensor], paths: Paths) -> float:
    """Share of phantom steps about which an independent ensemble disagrees more than on 99 % of the data."""
    return float(disputed(auditor, data, *visited(paths)).float().mean())


def disputed(auditor: Ensemble, data: dict[str, Tensor], obs: Tensor, action: Tensor) -> Tensor:
    """[P] bool: the auditor's members disagree about the step more than about 99 % of the data."""
    usual = auditor.disagreement(data["obs"], data["action"]).quantile(QUANTILE)
    return auditor.disagreement(obs, action) > usual


def disagreement_ratio(auditor: Ensemble, data: dict[str, Tensor], paths: Paths) -> float:
    """How many times as far apart an independent ensemble is about phantom steps as about the data."""
    usual = auditor.disagreement(data["obs"], data["action"]).mean()
    return float(auditor.disagreement(*visited(paths)).mean() / usual)


def reward_shortfall(auditor: Ensemble, paths: Paths, usual: float) -> float:
    """A probe of the reward head: what an auditor would not have paid for the very same steps, as a `shortfall`."""
    steps = (paths.obs, paths.action, paths.next_obs)
    paid = auditor.rewards(*(column.flatten(0, 1) for column in steps)).view_as(paths.reward)
    inside = paths.in_first_episode
    ours, theirs = (float((reward * inside).sum(0).mean()) for reward in (paths.reward, paid))
    return shortfall(ours, theirs, usual)


def actions_outside(world: Ensemble, paths: Paths) -> float:
    """Share of phantom steps whose action is beyond the range of all that were tried; for discrete ones, never was."""
    _, action = visited(paths)
    encoded = world.encode_action(action)
    return float(
        ((encoded < world.action_low) | (encoded > world.action_high)).any(-1).float().mean()
    )


def visited(paths: Paths) -> tuple[Tensor, Tensor]:
    """Observations [P, O] and actions of the paths' first episodes, evenly thinned to MOST_STEPS."""
    inside = paths.in_first_episode
    obs, action = paths.obs[inside], paths.action[inside]
    stride = -(-len(obs) // MOST_STEPS)
    return obs[::stride], action[::stride]


def _features(world: Ensemble, obs: Tensor, action: Tensor) -> Tensor:
    return torch.cat([world.obs_norm(obs), world.action_norm(world.encode_action(action))], -1)
