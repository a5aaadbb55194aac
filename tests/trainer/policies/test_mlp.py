# SPDX-License-Identifier: Apache-2.0
import numpy as np
import torch
from gymnasium import spaces

from plasma_trainer.policies import MlpPolicy, greedy_act


def test_a_continuous_policy_stays_within_the_limits_of_its_actuator() -> None:
    torch.manual_seed(0)
    space = spaces.Box(np.array([-1.0, 0.0], np.float32), np.array([3.0, 0.5], np.float32))
    policy = MlpPolicy(3, space)
    with torch.no_grad():
        policy.net[-1].weight *= 1e4
    act = greedy_act(policy)
    for obs in np.random.default_rng(0).normal(size=(50, 3)).astype(np.float32):
        assert space.contains(act(obs))


def test_a_discrete_policy_takes_its_likeliest_action() -> None:
    torch.manual_seed(0)
    policy = MlpPolicy(4, spaces.Discrete(3))
    obs = np.ones(4, np.float32)
    action = greedy_act(policy)(obs)
    assert spaces.Discrete(3).contains(action)
    assert policy(torch.from_numpy(obs)).argmax() == action


def test_observations_are_normalised_and_clipped_inside_the_network() -> None:
    policy = MlpPolicy(2, spaces.Discrete(2))
    policy.obs_norm.fit(torch.tensor([5.0, 5.0]), torch.tensor([2.0, 2.0]))
    beyond, far_beyond = torch.full((2,), 30.0), torch.full((2,), 3000.0)
    assert torch.equal(policy(beyond), policy(far_beyond))


def test_adapters_find_the_three_linear_layers_by_name() -> None:
    names = [n for n, m in MlpPolicy(4, spaces.Discrete(2)).named_modules() if hasattr(m, "weight")]
    assert names == ["net.0", "net.2", "net.4"]
