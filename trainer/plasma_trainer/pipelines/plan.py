# SPDX-License-Identifier: Apache-2.0
"""What thinking before acting is worth on the plant, and what it costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor

from plasma_trainer.audit import Limit
from plasma_trainer.data import derive
from plasma_trainer.envs import Act
from plasma_trainer.imagination.planning import Budget, Gated, Planner
from plasma_trainer.pipelines.evaluate import Returns, evaluate
from plasma_trainer.pipelines.foresight import planner_of
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.skills import Skill
from plasma_trainer.policies import greedy, greedy_act

GATED_SHARE = 0.15  # of steps on which a gated planner is asked


@dataclass(frozen=True)
class Thought:
    """One way to act: its returns, imagined steps per action, and the share of actions that were planned."""

    name: str
    returns: Returns
    imagined_steps: float
    planned: float


def think(
    skill: Skill,
    method: str,
    budgets: Sequence[Budget],
    episodes: int,
    seed: int,
    console: Console,
    limits: Sequence[Limit] = (),
) -> list[Thought]:
    """Fly the policy, a planner with each budget, and the greatest of them behind a gate; the same starts for all."""
    learner, start = skill.learner, derive(seed, "think")

    def flown(act: Act) -> Returns:
        return evaluate(skill.env, skill.variant, act, episodes, start)

    def planned(name: str, budget: Budget, share: float) -> Thought:
        planner = planner_of(learner, method, budget, derive(seed, "plan"), limits)
        act = _gated(planner, learner, share)
        with console.status(f"flying {name}"):
            returns = flown(lambda obs: act.act(learner.world.start(torch.from_numpy(obs)[None])))
        return Thought(name, returns, planner.futures.imagined / act.calls, act.planned / act.calls)

    policy = Thought("policy", flown(greedy_act(learner.policy)), 0.0, 0.0)
    always = [planned(f"{method}, {b.plans} plans", b, 1.0) for b in budgets]
    gated = planned(f"{method}, {budgets[-1].plans} plans, gated", budgets[-1], GATED_SHARE)
    return [policy, *always, gated]


def table(thoughts: list[Thought]) -> Table:
    """A row for each."""
    result = Table("acts by", "return", "at least", "imagined steps an action", "planned")
    for thought in thoughts:
        result.add_row(
            thought.name,
            f"{thought.returns.mean:.1f}",
            f"{thought.returns.low:.1f}",
            f"{thought.imagined_steps:,.0f}",
            f"{thought.planned:.0%}",
        )
    return result


def draw(thoughts: list[Thought], path: Path) -> None:
    """Return against compute, as a PNG."""
    from matplotlib.figure import Figure  # half a second that only pictures should cost

    figure = Figure(figsize=(6.5, 3.6), layout="constrained")
    axes = figure.subplots()
    policy, *planners, gated = thoughts
    axes.axhline(policy.returns.mean, color="#8c959f", lw=1, label="policy")
    axes.axhspan(policy.returns.low, policy.returns.mean, color="#8c959f", alpha=0.15, lw=0)
    for dots, color, label in ((planners, "#1f6feb", "planner"), ([gated], "#1a7f37", "gated")):
        steps = [dot.imagined_steps for dot in dots]
        means = [dot.returns.mean for dot in dots]
        below = [dot.returns.mean - dot.returns.low for dot in dots]
        bars = [below, np.zeros(len(dots))]
        axes.errorbar(steps, means, bars, color=color, marker="o", capsize=3, label=label)
    axes.set(xscale="log", xlabel="imagined steps an action", ylabel="return")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    figure.savefig(path, dpi=120)


def _gated(planner: Planner, learner: Learner, share: float) -> Gated:
    """The learner's policy and a planner, asked on a `share` of steps: where the world's members disagree most about
    what the policy will have come to be worth, by the critic."""
    world, policy, agent = learner.world, learner.policy, learner.agent

    @torch.no_grad()
    def doubt(state: Tensor) -> Tensor:
        return agent.value(world.each_expects(state, greedy(policy, state))).std(0)

    def act(seen: Tensor) -> Any:
        return greedy(policy, seen)[0].detach().numpy()[()]

    _, task = learner.experience()
    usual = doubt(task["obs"]).tolist()
    return Gated(planner, act, lambda state: float(doubt(state)), share, usual)
