# SPDX-License-Identifier: Apache-2.0
"""The loop itself: collect, fit, imagine, evaluate, until the goal is confirmed or the real steps are spent.

Where imagination alone was not enough, a planner in the same world teaches before the next real step is asked for: a
step costs more than a thought.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Console
from torch import Tensor

from plasma_trainer.data import derive
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, Returns, evaluate_on, passes
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.lessons import teach
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
        result = _round(learner, goal, index, spent, console)
        run.save_round(index, {"learner": learner.state(), "result": asdict(result)})
    run.finish(result)
    return result


def _round(learner: Learner, goal: Goal, index: int, spent: int, console: Console) -> Result:
    steps = min(max(goal.block_steps, spent // BLOCK_SHARE), goal.real_steps - spent)
    with console.status(f"round {index + 1}: {steps} real steps") as status:
        real_steps = spent + len(learner.live(steps, index))
        status.update(f"round {index + 1}: fitting the world to {real_steps} real steps")
        learner.learn_world(index)
        status.update(f"round {index + 1}: training in imagination")
        learner.imagine(goal.iterations, index)
        status.update(f"round {index + 1}: evaluating")
        solved, returns = _passes(learner, goal, "round", index)
        if not (solved or learner.silent):
            status.update(f"round {index + 1}: learning from a planner")
            solved, returns = _taught(learner, goal, index, returns, real_steps >= goal.real_steps)
    console.print(f"round {index + 1}: {real_steps} real steps, return {returns}")
    return Result(solved, real_steps, index + 1, returns)


def _taught(
    learner: Learner, goal: Goal, index: int, untaught: Returns, last: bool
) -> tuple[bool, Returns]:
    """What lessons make of the policy, if that is the goal. Otherwise the policy stays as it was, for it goes on with
    its critic, which knows nothing of what a planner taught; where nothing else is to come, the better of the two does.
    """
    before = copy.deepcopy(learner.policy.state_dict())
    teach(learner, derive(goal.seed, "lessons", index))
    solved, returns = _passes(learner, goal, "taught", index)
    if solved:
        return True, returns
    if not last:
        learner.policy.load_state_dict(before)
        return False, untaught
    return False, _better(learner, before, derive(goal.seed, "better", index))


def _better(learner: Learner, other: dict[str, Tensor], seed: int) -> Returns:
    """Keep the learner's policy or the `other`, whichever flies better over the same episodes."""
    mine = copy.deepcopy(learner.policy.state_dict())
    flown = []
    for weights in (mine, other):
        learner.policy.load_state_dict(weights)
        act = greedy_act(learner.policy)
        flown.append(evaluate_on(learner.plant, act, CONFIRMING_EPISODES, seed))
    if flown[0].mean > flown[1].mean:
        learner.policy.load_state_dict(mine)
    return max(flown, key=lambda returns: returns.mean)


def _passes(learner: Learner, goal: Goal, name: str, index: int) -> tuple[bool, Returns]:
    seed = derive(goal.seed, name, index)
    return passes(learner.plant, greedy_act(learner.policy), goal.threshold, seed)


def _result(saved: dict[str, Any]) -> Result:
    return Result(**{**saved, "returns": Returns(**saved["returns"])})
