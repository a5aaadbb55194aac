# SPDX-License-Identifier: Apache-2.0
from dataclasses import replace

import torch
from torch import Tensor

from plasma_trainer.audit import (
    actions_outside,
    disagreement_ratio,
    disagreement_share,
    reward_shortfall,
    unsupported_share,
)
from plasma_trainer.audit.detectors import visited
from plasma_trainer.data import Paths, Transitions
from plasma_trainer.imagination import simulate
from plasma_trainer.world_models import Ensemble


def at_random(obs: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randint(2, (len(obs),), generator=generator)


def test_a_policy_that_stays_with_the_data_scores_low_and_one_far_from_it_high(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    data = cartpole_data.tensors()
    near = torch.from_numpy(cartpole_data.reset_obs)
    far = near + torch.tensor([3.0, 5.0, 0.0, 5.0])
    for score in (unsupported_share, disagreement_share):
        at_home, abroad = (
            score(cartpole_world, data, simulate(cartpole_world, at_random, start, 16, 10, seed=0))
            for start in (near, far)
        )
        assert at_home < 0.1
        assert abroad > 0.9
    rolls = (simulate(cartpole_world, at_random, start, 16, 10, seed=0) for start in (near, far))
    ratio_at_home, ratio_abroad = (disagreement_ratio(cartpole_world, data, r) for r in rolls)
    assert ratio_at_home < 1.5
    assert ratio_abroad > 3.0


def test_only_first_episodes_are_looked_at(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    paths = simulate(cartpole_world, at_random, start, 16, 60, seed=0)
    obs, action = visited(paths)
    assert len(obs) == len(action) == int(paths.in_first_episode.sum()) < 16 * 60


def test_a_reward_head_that_pays_for_nothing_is_found_out_on_the_same_steps(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    honest = simulate(cartpole_world, at_random, start, 16, 40, seed=0)
    generous = replace(honest, reward=honest.reward * 2)
    assert abs(reward_shortfall(cartpole_world, honest, usual=20.0)) < 0.01
    assert reward_shortfall(cartpole_world, generous, usual=20.0) > 0.4


def test_actions_that_nobody_tried_are_counted() -> None:
    world = Ensemble(obs_size=2, action_size=1, discrete=False)
    world.action_low.fill_(-0.5)
    world.action_high.fill_(1.0)
    action = torch.tensor([[-1.0, 0.0], [0.9, 1.5]])[..., None]
    none, obs = torch.zeros(2, 2, dtype=torch.bool), torch.zeros(2, 2, 2)
    paths = Paths(obs, action, torch.zeros(2, 2), obs, none, none, torch.zeros(2, 2))
    assert actions_outside(world, paths) == 0.5
