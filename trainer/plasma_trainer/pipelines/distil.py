# SPDX-License-Identifier: Apache-2.0
"""A planner's foresight in a policy small enough for the edge: it flies in imagination, and learns what the planner
would have done wherever it came (DAgger, Ross et al., 2011). Not one real step.
"""

from __future__ import annotations

import copy
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from plasma_trainer.data import derive
from plasma_trainer.envs import step_limit
from plasma_trainer.errors import UsageError
from plasma_trainer.imagination import Phantoms
from plasma_trainer.imagination.planning import Budget, Planner
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, Returns, evaluate
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.plan import planner_of
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.policies import MlpPolicy, greedy_act

PATHS = 64
STEPS = 10  # of every path, each round
UPDATES = 300  # each round
BATCH = 256
LEARNING_RATE = 1e-4


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
    lessons = _Lessons(**saved["lessons"]) if saved else _Lessons.none(learner)
    if saved:
        student.load_state_dict(saved["policy"])
    for index in range(len(run.rounds()), args.rounds):
        planner = planner_of(learner, args.method, args.budget, derive(args.seed, "teacher", index))
        with console.status(f"round {index + 1} of {args.rounds}: asking the planner"):
            lessons = lessons + _asked(learner, student, planner, derive(args.seed, "asked", index))
        with console.status(f"round {index + 1} of {args.rounds}: learning from it"):
            _learn(student, lessons, derive(args.seed, "lessons", index))
        run.save_round(index, {"policy": student.state_dict(), "lessons": asdict(lessons)})
    result = _flown(skill, student, len(lessons.obs), args.seed)
    run.finish(result)
    return result


@dataclass(frozen=True)
class _Lessons:
    """obs [N, O], and the planner's actions there, [N] int64 or [N, A]."""

    obs: Tensor
    action: Tensor

    def __add__(self, other: _Lessons) -> _Lessons:
        return _Lessons(torch.cat([self.obs, other.obs]), torch.cat([self.action, other.action]))

    @classmethod
    def none(cls, learner: Learner) -> _Lessons:
        _, task = learner.experience()
        return cls(task["obs"][:0], task["action"][:0])


@torch.no_grad()
def _asked(learner: Learner, student: MlpPolicy, planner: Planner, seed: int) -> _Lessons:
    """What the planner would do in lives of the student, who explores a little; an episode of theirs has passed."""
    limit = step_limit(learner.plant)
    phantoms = Phantoms(learner.world, learner.starts(), PATHS, limit, seed, None)
    phantoms.stagger()
    agent = copy.deepcopy(learner.agent)
    agent.policy = student
    phantoms.roll(agent.sample, limit)
    lessons = _Lessons.none(learner)
    for _ in range(STEPS):
        lessons = lessons + _Lessons(phantoms.obs, planner.plan(phantoms.state)[:, 0])
        phantoms.step(agent.sample(phantoms.obs, phantoms.generator))
    return lessons


def _learn(student: MlpPolicy, lessons: _Lessons, seed: int) -> None:
    """Everything asked so far, from where the student is."""
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.Adam(student.net.parameters(), LEARNING_RATE, fused=True)
    for _ in range(UPDATES):
        drawn = torch.randint(len(lessons.obs), (BATCH,), generator=generator)
        told, wanted = student(lessons.obs[drawn]), lessons.action[drawn]
        if student.discrete:
            loss = nn.functional.cross_entropy(told, wanted)
        else:
            loss = ((told - wanted) / student.scale).square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def _flown(skill: Skill, student: MlpPolicy, states: int, seed: int) -> Distilled:
    before, after = (
        evaluate(
            skill.env, skill.variant, greedy_act(policy), CONFIRMING_EPISODES, derive(seed, "flown")
        )
        for policy in (skill.learner.policy, student)
    )
    return Distilled(before, after, states)
