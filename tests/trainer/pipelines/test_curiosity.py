# SPDX-License-Identifier: Apache-2.0
"""When nothing is worth anything, and what is done about it."""

from __future__ import annotations

import gymnasium as gym
import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional

from plasma_trainer.data import Transitions, collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines import learner as learning
from plasma_trainer.pipelines.curiosity import Frontier, Seeker, anything_tells
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
    return not anything_tells(action, columns["reward"], columns["terminated"])


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
@pytest.mark.parametrize("steps", [0, 1, 3, 20])
def test_steps_that_reached_a_goal_tell(goal: float, steps: int) -> None:
    action = torch.rand(200, 1)
    cost = -0.1 * action[:, 0].square()
    reached = torch.arange(0, 10 * steps, 10)
    ended = torch.zeros(200, dtype=torch.bool).index_fill(0, reached, True)
    reward = cost.index_fill(0, reached, goal)
    assert anything_tells(action, reward, ended) == (steps > 0)
    if goal:  # without an end, the reward has to tell
        assert anything_tells(action, reward, torch.zeros_like(ended)) == (steps > 0)


class Corridor(Ensemble):
    """Believes that one can go left and right for ever, and is sure of it."""

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        nothing = torch.zeros(len(state))
        return Imagined(
            state + STEP * (2 * action[:, None] - 1), nothing, nothing - 9, nothing, nothing > 0
        )


STEP = 0.5
LEFT, RIGHT = 0, 1


@pytest.fixture
def corridor() -> Corridor:
    world = Corridor(1, 2, discrete=True)
    world.trusted_uncertainty.fill_(1.0)
    return world


def been(*steps: tuple[float, int, float]) -> Transitions:
    """Real steps: where, left or right, where to."""
    obs, action, came = zip(*steps, strict=True)
    places = (np.array(column, np.float32)[:, None] for column in (obs, came))
    none = np.zeros(len(steps), bool)
    before, after = places
    return Transitions(before, np.array(action), none.astype(np.float32), after, none, none)


def test_what_was_done_leads_where_it_led_and_is_no_longer_new(corridor: Corridor) -> None:
    """There is a wall to the right of 0, which the world does not believe."""
    frontier = Frontier(corridor, been((0.0, RIGHT, 0.0), (0.0, LEFT, -STEP), (-STEP, RIGHT, 0.0)))
    state, action = torch.tensor([[0.0], [0.0], [-2.0]]), torch.tensor([RIGHT, LEFT, LEFT])
    step = frontier.imagine(state, action, torch.Generator())
    assert step.state[:, 0].tolist() == [0.0, -STEP, -2.0 - STEP]
    assert step.reward.tolist() == [0.0, 0.0, 1.0]


def test_doubt_is_worth_a_way_and_a_reward_is_not(corridor: Corridor) -> None:
    """What the task pays is not asked: as long as one seeks, it has paid for nothing."""
    lived = been((0.0, RIGHT, STEP), (STEP, RIGHT, 2 * STEP))
    believed = corridor.imagine(torch.zeros(1, 1), torch.tensor([LEFT]), torch.Generator())
    believed = believed._replace(reward=torch.tensor([5.0]), uncertainty=torch.tensor([0.5]))
    corridor.imagine = lambda *_: believed  # type: ignore[method-assign]
    step = Frontier(corridor, lived).imagine(
        torch.zeros(1, 1), torch.tensor([LEFT]), torch.Generator()
    )
    assert step.reward.item() == pytest.approx(1.0 + 0.5)


def test_a_seeker_does_what_was_not_done_until_it_was(corridor: Corridor) -> None:
    lived = been(*((-STEP * i, LEFT, -STEP * (i + 1)) for i in range(40)), (-STEP, RIGHT, 0.0))
    seeker = Seeker(corridor, lived, gym.spaces.Discrete(2), seed=0)
    here = np.zeros(1, np.float32)
    assert seeker.act(here) == RIGHT
    for _ in range(4):
        seeker.learn(here, RIGHT, here, ended=True)  # a wall
    assert seeker.act(here) == LEFT


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
