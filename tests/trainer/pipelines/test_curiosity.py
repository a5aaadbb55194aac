# SPDX-License-Identifier: Apache-2.0
"""When nothing is worth anything, and what is done about it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from plasma_trainer.data import collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines import learner as learning
from plasma_trainer.pipelines.curiosity import seeker, silent
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.policies import MlpPolicy
from plasma_trainer.world_models import Ensemble, Imagined


def of(env_id: str) -> bool:
    plant = make_plant(env_id)
    data = collect(plant, random_act(plant.action_space, 0), steps=200, seed=0, longest=200)
    columns = data.tensors()
    action = columns["action"]
    if isinstance(plant.action_space, gym.spaces.Discrete):
        action = functional.one_hot(action).float()
    return silent(action, columns["reward"], columns["terminated"])


@pytest.mark.parametrize(
    ("env_id", "expected"),
    [
        ("MountainCar-v0", True),  # a constant
        ("MountainCarContinuous-v0", True),  # the square of the action
        ("Acrobot-v1", True),
        ("Pendulum-v1", False),  # has the square of the action, and where one is
        ("CartPole-v1", False),  # a constant, but falling ends it
    ],
)
def test_only_a_distant_goal_is_silent(env_id: str, expected: bool) -> None:
    assert of(env_id) is expected


@pytest.mark.parametrize("goal", [0.0, 100.0])
def test_a_goal_speaks_once_it_was_reached_some_times(goal: float) -> None:
    action = torch.rand(200, 1)
    cost = -0.1 * action[:, 0].square()
    for steps, expected in ((1, True), (3, True), (4, False), (20, False)):
        reached = torch.arange(0, 10 * steps, 10)
        ended = torch.zeros(200, dtype=torch.bool).index_fill(0, reached, True)
        reward = cost.index_fill(0, reached, goal)
        assert silent(action, reward, ended) is expected
        if goal:  # without an end, the reward has to tell
            assert silent(action, reward, torch.zeros_like(ended)) is expected


class Corridor(Ensemble):
    """Known around 0 and less and less known to the right; pays for going left."""

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        place = state + 0.1 * (2 * action[:, None] - 1)
        none = torch.zeros(len(place), dtype=torch.bool)
        unknown = place[:, 0].clamp(0.0, 1.0)
        return Imagined(place, -place[:, 0], torch.full_like(unknown, -9.0), unknown, none)


def test_a_seeker_goes_where_the_world_is_not_sure() -> None:
    world = Corridor(1, 2, discrete=True)
    world.trusted_uncertainty.fill_(1.0)
    act = seeker(world, gym.spaces.Discrete(2), seed=0)
    assert [act(np.zeros(1, np.float32)) for _ in range(12)] == [1] * 12


def test_a_policy_waits_until_something_is_worth_learning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning, "UPDATES", 5)
    plant = make_plant("Acrobot-v1")
    policy = MlpPolicy(6, plant.action_space)
    learner = Learner(plant, policy, Ensemble(6, 3, discrete=True), discount=0.99, seed=0)
    before = {name: value.clone() for name, value in policy.state_dict().items()}
    learner.live(40, 0)
    learner.learn_world(0)
    learner.imagine(1, 0)
    learner.live(40, 1)
    assert learner.silent
    assert all(torch.equal(before[n], value) for n, value in policy.state_dict().items())
