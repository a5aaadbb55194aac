# SPDX-License-Identifier: Apache-2.0
"""What to do while nothing is known to be worth anything: go where the world is least sure (Plan2Explore, Sekar et al.,
2020), until real steps have found what the task rewards.
"""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import torch
from torch import Tensor

from plasma_trainer.data import derive
from plasma_trainer.imagination import Phantoms, Starts
from plasma_trainer.policies import ActorCritic, MlpPolicy, Ppo
from plasma_trainer.world_models import Ensemble

ITERATIONS = 20
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


def seeker(
    world: Ensemble, space: gym.Space[Any], starts: Starts, paths: int, max_steps: int, seed: int
) -> ActorCritic:
    """An agent that was trained, in imagination, to surprise `world`."""
    torch.manual_seed(derive(seed, "weights"))
    policy = MlpPolicy(world.obs_size, space)
    agent = ActorCritic(policy, world.obs_size, None if policy.discrete else policy.scale)
    seen = starts.visited_states
    for normalizer in (policy.obs_norm, agent.obs_norm):
        normalizer.fit(seen.mean(0), seen.std(0))
    usual = world.trusted_uncertainty
    agent.return_scale.fill_(1.0 / (1.0 - DISCOUNT))
    phantoms = Phantoms(
        world,
        starts,
        paths,
        max_steps,
        derive(seed, "phantoms"),
        lost_return=None,
        reward=lambda state, action, step: (step.uncertainty / usual).clamp_max(1.0),
    )
    phantoms.stagger()
    Ppo(agent, DISCOUNT).practise(phantoms.roll, ITERATIONS, derive(seed, "ppo"))
    return agent
