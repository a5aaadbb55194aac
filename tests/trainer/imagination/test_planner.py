# SPDX-License-Identifier: Apache-2.0
"""Plans are worth what they promise: in a world that is known exactly, they reach the known best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.errors import NoPlanError
from plasma_trainer.imagination import Budget, Planner
from plasma_trainer.world_models import Ensemble, Imagined

PUSH = spaces.Box(-1.0, 1.0, (1,), np.float32)
STEP = spaces.Discrete(3)


class Rail(Ensemble):
    """A point on a rail that moves by its action; paid for being at 2, and life ends beyond 4, where most is paid."""

    def __init__(self, space: spaces.Space[Any]) -> None:
        discrete = isinstance(space, spaces.Discrete)
        super().__init__(1, 3 if discrete else 1, discrete)

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        move = action[:, None].float() - 1.0 if self.discrete else action
        place = (state + 0.5 * move)[:, 0]
        beyond = place > 4.0
        reward = torch.where(beyond, 1.0, -(place - 2.0).abs())
        none = torch.zeros_like(beyond)
        return Imagined(place[:, None], reward, torch.where(beyond, 9.0, -9.0), place * 0, none)


def fly(planner: Planner, place: float, steps: int) -> list[float]:
    state, seen = torch.tensor([[place]]), []
    for _ in range(steps):
        action = torch.as_tensor(planner.act(state))[None]
        state = planner.world.imagine(state, action, planner.generator).state
        seen.append(float(state))
    return seen


@pytest.mark.parametrize("space", [PUSH, STEP], ids=["continuous", "discrete"])
def test_a_plan_reaches_the_best_place_and_stays(space: spaces.Space[Any]) -> None:
    planner = Planner(Rail(space), space, discount=0.9, seed=0, budget=Budget(hold=1))
    assert all(abs(place - 2.0) < 0.6 for place in fly(planner, -2.0, 30)[16:])


def test_what_comes_after_an_end_is_not_counted() -> None:
    """Otherwise every step beyond 4 would pay 1, and the plan would go there."""
    planner = Planner(Rail(STEP), STEP, discount=0.99, seed=0)
    assert max(fly(planner, 2.0, 20)) < 3.1


def test_a_reward_of_ones_own_replaces_the_worlds() -> None:
    planner = Planner(
        Rail(PUSH), PUSH, 0.9, 0, reward=lambda state, action, step: -step.state[:, 0]
    )
    assert fly(planner, 0.0, 8)[-1] < -3.0


def test_what_is_forbidden_is_not_planned() -> None:
    """The best place lies behind a line that must not be crossed."""

    def beyond(state: Tensor, action: Tensor, step: Imagined) -> Tensor:
        return step.state[:, 0] > 1.0

    planner = Planner(Rail(PUSH), PUSH, 0.9, 0, Budget(hold=1), forbidden=beyond)
    reached = max(fly(planner, -2.0, 20))
    assert 0.5 < reached <= 1.0
    with pytest.raises(NoPlanError, match="act safely"):
        planner.plan(torch.tensor([[3.0]]))


def test_a_decision_is_held() -> None:
    planner = Planner(Rail(PUSH), PUSH, 0.9, 0, Budget(hold=3))
    acts = [float(planner.act(torch.zeros(1, 1))[0]) for _ in range(6)]
    assert acts[0] == acts[1] == acts[2]
    assert acts[3] == acts[4] == acts[5]


def test_equal_seeds_plan_alike() -> None:
    first, second, other = (
        Planner(Rail(PUSH), PUSH, 0.9, seed).plan(torch.zeros(1, 1)) for seed in (1, 1, 2)
    )
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


def test_a_budget_bounds_the_work() -> None:
    class Counted(Rail):
        steps = 0

        def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
            self.steps += len(state)
            return super().imagine(state, action, generator)

    world = Counted(PUSH)
    Planner(world, PUSH, 0.9, 0, Budget(8, 2, 3, 4, 2)).plan(torch.zeros(1, 1))
    assert world.steps == 8 * 2 * 3 * 4
