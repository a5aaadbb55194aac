# SPDX-License-Identifier: Apache-2.0
"""A planner in the world that a learner has learnt."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from plasma_trainer.audit import Limit, broken
from plasma_trainer.imagination.planning import PLANNERS, Budget, Futures, Planner
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.policies import greedy

DRAWING = ("cem", "mppi")  # these can begin from what the policy proposes


def planner_of(
    learner: Learner, method: str, budget: Budget, seed: int, limits: Sequence[Limit] = ()
) -> Planner:
    """A planner in the learner's world, whose critic says what lies beyond the horizon, and whose policy proposes.

    Raises UsageError where the method does not suit the actions.
    """
    agent, policy = learner.agent, learner.policy

    def value(seen: Tensor) -> Tensor:
        return agent.value(seen) * agent.return_scale

    forbidden = (lambda state, action, step: broken(limits, step.state)) if limits else None
    futures = Futures(learner.dreamt(), learner.discount, budget.hold, None, forbidden, value)
    asked = (futures, learner.plant.action_space, budget, seed)
    if method in DRAWING:
        return PLANNERS[method](*asked, lambda seen: greedy(policy, seen))
    return PLANNERS[method](*asked)
