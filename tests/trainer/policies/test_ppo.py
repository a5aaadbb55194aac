# SPDX-License-Identifier: Apache-2.0
import math

import pytest
import torch
from gymnasium import spaces

from plasma_trainer.data import Transitions
from plasma_trainer.imagination import Phantoms, Starts, simulate
from plasma_trainer.policies import ActorCritic, MlpPolicy, Ppo, greedy
from plasma_trainer.policies.ppo import GAE_LAMBDA, generalized_advantages
from plasma_trainer.world_models import Ensemble


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]  # [T, 1]


def test_an_advantage_is_the_discounted_sum_of_surprises() -> None:
    never = column(False, False)
    advantage = generalized_advantages(
        column(1.0, 2.0), column(0.5, 0.6), column(0.6, 0.7), never, never, discount=0.9
    )
    second = 2.0 + 0.9 * 0.7 - 0.6
    first = 1.0 + 0.9 * 0.6 - 0.5 + 0.9 * GAE_LAMBDA * second
    torch.testing.assert_close(advantage, column(first, second))


def test_a_truncated_step_has_a_future_and_a_terminated_one_has_none() -> None:
    reward, value, next_value = column(1.0, 5.0), column(0.0, 0.0), column(10.0, 10.0)
    ended, never = column(True, False), column(False, False)
    truncated = generalized_advantages(reward, value, next_value, never, ended, discount=0.9)
    terminated = generalized_advantages(reward, value, next_value, ended, ended, discount=0.9)
    assert truncated[0].item() == pytest.approx(1.0 + 9.0)
    assert terminated[0].item() == pytest.approx(1.0)


def test_a_policy_improves_in_imagination(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    torch.manual_seed(0)
    policy = MlpPolicy(4, spaces.Discrete(2))
    agent = ActorCritic(policy, 4, action_scale=None)
    start = torch.from_numpy(cartpole_data.reset_obs)
    lives = Phantoms(cartpole_world, Starts(start, start, 0.0), 128, 500, 0, lost_return=0.0)
    ppo, generator = Ppo(agent, discount=0.99), torch.Generator().manual_seed(0)
    agent.return_scale.fill_(100.0)

    def imagined_return() -> float:
        paths = simulate(
            cartpole_world, lambda obs, _: greedy(policy, obs), start, n=32, horizon=100, seed=0
        )
        return float(paths.first_returns.mean())

    before = imagined_return()
    for _ in range(8):
        metrics = ppo.update(lives.roll(agent.sample, horizon=32), generator)
    assert set(metrics) == {"kl", "value_loss"}
    assert imagined_return() > before + 20


def test_a_continuous_policy_explores_around_its_mean() -> None:
    torch.manual_seed(0)
    policy = MlpPolicy(3, spaces.Box(-2.0, 2.0, (1,)))
    agent = ActorCritic(policy, 3, policy.scale)
    obs = torch.zeros(4000, 3)
    actions = agent.sample(obs, torch.Generator().manual_seed(0))
    assert abs(actions.mean().item() - policy(obs[:1]).item()) < 0.1
    assert actions.std().item() == pytest.approx(0.6 * 2.0, rel=0.05)
    entropy = 0.5 * math.log(2 * math.pi * math.e * (0.6 * 2.0) ** 2)
    assert agent.log_prob(obs, actions).mean().item() == pytest.approx(-entropy, abs=0.05)


def test_calming_makes_a_certain_policy_explore_and_changes_no_preference() -> None:
    torch.manual_seed(0)
    policy = MlpPolicy(2, spaces.Discrete(2))
    with torch.no_grad():
        policy.net[-1].weight *= 20000.0
    agent = ActorCritic(policy, 2, action_scale=None)
    obs = torch.randn(500, 2)
    preferred = greedy(policy, obs)
    certain = agent.log_prob(obs, preferred).exp()
    agent.calm(obs)
    calm = agent.log_prob(obs, preferred).exp()
    assert certain.mean() > 0.95
    assert calm.mean() < 0.9
    assert (calm >= 0.5).all()
