# SPDX-License-Identifier: Apache-2.0
"""What to do while nothing is known to be worth anything: go where the world is least sure (Plan2Explore, Sekar et al.,
2020), until real steps have found what the task rewards.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from torch import Tensor

from plasma_trainer.envs import Act
from plasma_trainer.imagination.planning import Budget, Cem, Futures
from plasma_trainer.world_models import Ensemble, Imagined

DISCOUNT = 0.99
UNEXPLAINED = 1e-3  # share of a reward that rounding may leave over
TELLING = 4  # steps that must have told something


def silent(action: Tensor, reward: Tensor, terminated: Tensor) -> bool:
    """Whether real steps give hardly a reason to be anywhere: fewer than TELLING of them ended an episode, or earned
    what does not follow from the action alone.

    The cost of acting, a constant or a quadratic, is all that a task with a distant goal shows before it is reached,
    and one lucky step does not show the way to it.

    action [N, A] (one-hot when discrete), reward [N], terminated [N] bool.
    """
    known = torch.cat([torch.ones_like(action[:, :1]), action, action.square()], 1).double()
    wanted = reward.double()
    usual, error = ~terminated, wanted
    for _ in range(2):  # the second time without rare great rewards, which bend a fit
        fitted = torch.linalg.lstsq(known[usual], wanted[usual, None], driver="gelsd").solution
        error = (wanted - (known @ fitted)[:, 0]).abs()
        usual &= error <= 10 * error[usual].median() + UNEXPLAINED
    rounding = UNEXPLAINED * (1.0 + wanted[usual].abs().max())
    return int((terminated | (error > rounding)).sum()) < TELLING


def seeker(world: Ensemble, space: gym.Space[Any], seed: int) -> Act:
    """The act function that plans to surprise `world` most."""
    usual = world.trusted_uncertainty

    def surprise(state: Tensor, action: Tensor, step: Imagined) -> Tensor:
        return (step.uncertainty / usual).clamp_max(1.0)

    budget = Budget()
    futures = Futures(world, DISCOUNT, budget.hold, reward=surprise)
    planner = Cem(futures, space, budget, seed)
    return lambda obs: planner.act(world.start(torch.from_numpy(obs)[None]))
