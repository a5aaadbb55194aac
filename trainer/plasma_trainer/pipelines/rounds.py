# SPDX-License-Identifier: Apache-2.0
"""The loop itself: collect, fit, imagine, evaluate, until the goal is confirmed or the real steps are spent."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console

from plasma_trainer.data import derive
from plasma_trainer.pipelines.evaluate import Returns, passes
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.policies import greedy_act

BLOCK_SHARE = (
    10  # a block is at least a tenth of what was spent before: less would hardly change the world
)


@dataclass(frozen=True)
class Goal:
    """What to reach, and at what price. Every real step learnt from counts; evaluation episodes do not."""

    threshold: float
    real_steps: int
    block_steps: int
    iterations: int
    seed: int


@dataclass(frozen=True)
class Result:
    """How a run ended. `solved`: confirmed on fresh episodes, see evaluate.passes."""

    solved: bool
    real_steps: int
    rounds: int
    returns: Returns


def run_rounds(run: Run, learner: Learner, goal: Goal, console: Console) -> Result:
    """Go through the rounds that are not on disk yet; `learner` ends as the run's last round left it.

    Each finished round is kept, and every seed depends on the round only: an interrupted run ends like any other. The
    policy returned is the last one, not the one with the luckiest evaluation.
    """
    result = None
    if (saved := run.last_round()) is not None:
        learner.restore(saved["learner"])
        result = _result(saved["result"])
        console.print(f"resuming after round {result.rounds} ({result.real_steps} real steps)")
    while result is None or not (result.solved or result.real_steps >= goal.real_steps):
        index, spent = (result.rounds, result.real_steps) if result else (0, 0)
        steps = min(max(goal.block_steps, spent // BLOCK_SHARE), goal.real_steps - spent)
        result = _round(learner, goal, index, spent, steps, console)
        run.save_round(index, {"learner": learner.state(), "result": asdict(result)})
    run.finish(result)
    return result


def _round(
    learner: Learner, goal: Goal, index: int, spent: int, steps: int, console: Console
) -> Result:
    with console.status(f"round {index + 1}: {steps} real steps") as status:
        real_steps = spent + len(learner.live(steps, index))
        status.update(f"round {index + 1}: fitting the world to {real_steps} real steps")
        learner.learn_world(index)
        status.update(f"round {index + 1}: training in imagination")
        learner.imagine(goal.iterations, index)
        status.update(f"round {index + 1}: evaluating")
        act = greedy_act(learner.policy)
        seed = derive(goal.seed, "round", index)
        solved, returns = passes(learner.plant, act, goal.threshold, seed)
    console.print(f"round {index + 1}: {real_steps} real steps, return {returns}")
    return Result(solved, real_steps, index + 1, returns)


def _result(saved: dict[str, Any]) -> Result:
    return Result(**{**saved, "returns": Returns(**saved["returns"])})
