# SPDX-License-Identifier: Apache-2.0
import torch
from torch import Tensor

from plasma_trainer.audit import disagreement_share, unsupported_share
from plasma_trainer.audit.detectors import visited
from plasma_trainer.data import Transitions
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


def test_only_first_episodes_are_looked_at(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    paths = simulate(cartpole_world, at_random, start, 16, 60, seed=0)
    obs, action = visited(paths)
    assert len(obs) == len(action) == int(paths.in_first_episode.sum()) < 16 * 60
