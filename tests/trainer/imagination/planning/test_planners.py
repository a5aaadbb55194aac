# SPDX-License-Identifier: Apache-2.0
"""Plans are worth what they promise: in a world that is known exactly, they reach the known best."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.errors import NoPlanError, UsageError
from plasma_trainer.imagination.planning import PLANNERS, Budget, Cem, Futures, Gated, Planner
from plasma_trainer.world_models import Ensemble, Imagined

PUSH = spaces.Box(-1.0, 1.0, (1,), np.float32)
STEP = spaces.Discrete(3)
ONE_AT_A_TIME = Budget(hold=1)
EVERY = [(name, STEP) for name in PLANNERS] + [("cem", PUSH), ("mppi", PUSH)]


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


def planner(
    name: str,
    space: spaces.Space[Any] = STEP,
    seed: int = 0,
    budget: Budget = ONE_AT_A_TIME,
    discount: float = 0.9,
    **futures: Any,
) -> Planner:
    return PLANNERS[name](
        Futures(Rail(space), discount, budget.hold, **futures), space, budget, seed
    )


def fly(planner: Planner, place: float, steps: int) -> list[float]:
    state, seen = torch.tensor([[place]]), []
    for _ in range(steps):
        action = torch.as_tensor(planner.act(state))[None]
        state = planner.futures.world.imagine(state, action, planner.generator).state
        seen.append(float(state))
    return seen


@pytest.mark.parametrize(("name", "space"), EVERY, ids=str)
def test_a_plan_reaches_the_best_place_and_stays(name: str, space: spaces.Space[Any]) -> None:
    assert all(abs(place - 2.0) < 0.6 for place in fly(planner(name, space), -2.0, 30)[16:])


@pytest.mark.parametrize("name", PLANNERS)
def test_what_comes_after_an_end_is_not_counted(name: str) -> None:
    """Otherwise every step beyond 4 would pay 1, and the plan would go there."""
    assert max(fly(planner(name, discount=0.99), 2.0, 20)) < 3.1


@pytest.mark.parametrize("name", PLANNERS)
def test_a_reward_of_ones_own_replaces_the_worlds(name: str) -> None:
    leftwards = planner(name, reward=lambda state, action, step: -step.state[:, 0])
    assert fly(leftwards, 0.0, 8)[-1] < -3.0


@pytest.mark.parametrize("name", PLANNERS)
def test_what_lies_beyond_the_horizon_counts_by_its_value(name: str) -> None:
    """Two decisions do not reach what pays, but a critic may know which way it is."""
    short = Budget(hold=1, decisions=2)
    there = planner(
        name, budget=short, reward=lambda *_: torch.zeros(1), value=lambda seen: -seen[:, 0]
    )
    assert fly(there, 0.0, 6)[-1] == pytest.approx(-3.0)


@pytest.mark.parametrize(("name", "space"), EVERY, ids=str)
def test_what_is_forbidden_is_not_planned(name: str, space: spaces.Space[Any]) -> None:
    """The best place lies behind a line that must not be crossed."""

    def beyond(state: Tensor, action: Tensor, step: Imagined) -> Tensor:
        return step.state[:, 0] > 1.1

    careful = planner(name, space, forbidden=beyond)
    reached = max(fly(careful, -2.0, 20))
    assert 0.5 < reached <= 1.1
    with pytest.raises(NoPlanError, match="act safely"):
        careful.plan(torch.tensor([[3.0]]))


@pytest.mark.parametrize("name", PLANNERS)
def test_a_dead_end_is_not_entered(name: str) -> None:
    """Right of 0.6 pays at once, and then there is no way that is allowed."""

    def dead_end(state: Tensor, action: Tensor, step: Imagined) -> Tensor:
        return (state[:, 0] > 0.6) & (step.state[:, 0] > 0.1)

    def pay(state: Tensor, action: Tensor, step: Imagined) -> Tensor:
        return (step.state[:, 0] > 0.6).float()

    careful = planner(name, forbidden=dead_end, reward=pay)
    assert max(fly(careful, 0.0, 6)) < 0.6


def test_a_decision_is_held() -> None:
    held = planner("cem", PUSH, budget=Budget(hold=3))
    acts = [float(held.act(torch.zeros(1, 1))[0]) for _ in range(6)]
    assert acts[0] == acts[1] == acts[2]
    assert acts[3] == acts[4] == acts[5]


@pytest.mark.parametrize("name", ["cem", "mppi"])
def test_equal_seeds_draw_alike(name: str) -> None:
    first, second, other = (planner(name, PUSH, seed).plan(torch.zeros(1, 1)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)


@pytest.mark.parametrize("name", PLANNERS)
def test_many_lives_are_planned_for_as_one_is(name: str) -> None:
    plans = planner(name).plan(torch.tensor([[-3.0], [3.0]]))
    assert plans.shape == (2, ONE_AT_A_TIME.decisions)
    assert plans[:, 0].tolist() == [2, 0]  # right, left


def test_a_proposal_is_one_of_the_plans() -> None:
    """With nothing but the proposal and one round, there is nothing else to choose."""
    only = Budget(plans=1, rounds=1, decisions=4, hold=1, elite=1)
    futures = Futures(Rail(PUSH), 0.9, 1)
    propose = lambda seen: torch.full_like(seen, 0.25)  # noqa: E731
    plan = Cem(futures, PUSH, only, 0, propose).plan(torch.zeros(3, 1))
    assert torch.equal(plan, torch.full((3, 4, 1), 0.25))


@pytest.mark.parametrize(
    ("name", "most"), [("cem", 8 * 2 * 3), ("mppi", 8 * 2 * 3), ("beam", 3 + 24 + 24), ("mcts", 27)]
)
def test_a_budget_bounds_the_work(name: str, most: int) -> None:
    class Counted(Rail):
        steps = 0

        def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
            self.steps += len(state)
            return super().imagine(state, action, generator)

    world, budget = Counted(STEP), Budget(8, 2, 3, 4, 2)
    PLANNERS[name](Futures(world, 0.9, budget.hold), STEP, budget, 0).plan(torch.zeros(1, 1))
    assert 0 < world.steps <= most * budget.hold


@pytest.mark.parametrize("name", ["beam", "mcts"])
def test_a_tree_does_not_branch_over_a_continuum(name: str) -> None:
    with pytest.raises(UsageError, match="cem or mppi"):
        planner(name, PUSH)


def test_a_budget_comes_from_the_environment_where_nothing_was_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PLASMA_PLAN_PLANS", "7")
    monkeypatch.setenv("PLASMA_PLAN_DECISIONS", "5")
    assert Budget.of_environment(decisions=3, hold=None) == Budget(plans=7, decisions=3)
    monkeypatch.setenv("PLASMA_PLAN_ROUNDS", "many")
    with pytest.raises(UsageError, match="PLASMA_PLAN_ROUNDS=many"):
        Budget.of_environment()


def gated(share: float, usual: tuple[float, ...] = ()) -> Gated:
    """Doubts where it is by how far to the right that is; its policy goes right, the planner to the middle."""
    return Gated(planner("cem"), lambda seen: 1, lambda state: float(state[0, 0]), share, usual)


def test_a_gate_plans_only_where_there_is_most_doubt() -> None:
    asked = gated(0.5, usual=(0.0, 0.0, 1.0, 1.0))
    acts = [asked.act(torch.tensor([[place]])) for place in (0.0, 3.0, 0.5, 3.0)]
    assert acts == [1, 0, 1, 0]
    assert (asked.calls, asked.planned) == (4, 2)


def test_where_there_is_always_doubt_a_gate_plans_no_more_often() -> None:
    asked = gated(0.2, usual=(0.0,) * 50)
    for place in np.random.default_rng(0).uniform(3.0, 3.9, 2000):
        asked.act(torch.tensor([[place]], dtype=torch.float32))
    assert 0.15 < asked.planned / asked.calls < 0.25
