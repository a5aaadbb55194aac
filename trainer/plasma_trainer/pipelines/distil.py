# SPDX-License-Identifier: Apache-2.0
"""A planner's foresight in a policy small enough for the edge: it flies in imagination, and learns what the planner
would have done wherever it came (DAgger, Ross et al., 2011). Not one real step.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from plasma_trainer.data import derive
from plasma_trainer.errors import UsageError
from plasma_trainer.imagination.planning import Budget
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, Returns, evaluate
from plasma_trainer.pipelines.foresight import planner_of
from plasma_trainer.pipelines.lessons import Lessons, ask, study
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.policies import MlpPolicy, greedy_act


@dataclass(frozen=True)
class DistilArgs:
    """What `plasma-train distil` asks for."""

    teacher: (
        str  # directory of a finished run, whose policy proposes to the planner and learns from it
    )
    method: str = "cem"
    plans: int = 64
    horizon: int = 6
    hold: int = 1
    rounds: int = 8
    seed: int = 0

    @property
    def budget(self) -> Budget:
        """Of the planner."""
        return Budget.of_environment(plans=self.plans, decisions=self.horizon, hold=self.hold)


@dataclass(frozen=True)
class Distilled:
    """Returns of the same fresh episodes; `states`: how many imagined ones the planner was asked about."""

    before: Returns
    after: Returns
    states: int


def distil(args: DistilArgs, out: Path, console: Console) -> Distilled:
    """Do, or finish, the distillation in `out`; `skills.load_skill` reads it back, to audit and export like any base.

    Raises UsageError for an adapter, whose base is to stay as it is.
    """
    skill = load_skill(Path(args.teacher))
    if skill.adapter is not None:
        raise UsageError(f"{args.teacher} holds an adapter; distil into a base, and adapt that")
    run, learner = Run.begin(out, args), skill.learner
    student = copy.deepcopy(learner.policy)
    saved = run.last_round()
    lessons = Lessons(**saved["lessons"]) if saved else Lessons.none(learner)
    if saved:
        student.load_state_dict(saved["policy"])
    for index in range(len(run.rounds()), args.rounds):
        planner = planner_of(learner, args.method, args.budget, derive(args.seed, "teacher", index))
        with console.status(f"round {index + 1} of {args.rounds}: asking the planner"):
            lessons = lessons + ask(learner, student, planner, derive(args.seed, "asked", index))
        with console.status(f"round {index + 1} of {args.rounds}: learning from it"):
            study(student, lessons, derive(args.seed, "lessons", index))
        run.save_round(index, {"policy": student.state_dict(), "lessons": asdict(lessons)})
    result = _flown(skill, student, len(lessons.obs), args.seed)
    run.finish(result)
    return result


def _flown(skill: Skill, student: MlpPolicy, states: int, seed: int) -> Distilled:
    before, after = (
        evaluate(
            skill.env, skill.variant, greedy_act(policy), CONFIRMING_EPISODES, derive(seed, "flown")
        )
        for policy in (skill.learner.policy, student)
    )
    return Distilled(before, after, states)
