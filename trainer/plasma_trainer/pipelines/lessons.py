# SPDX-License-Identifier: Apache-2.0
"""What a planner teaches: a policy flies in imagination, and learns what the planner would have done wherever it came
(DAgger, Ross et al., 2011). Not one real step.

Shapes: N states, O numbers observed, A numbers of an action.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from plasma_trainer.data import derive
from plasma_trainer.envs import step_limit
from plasma_trainer.imagination import Phantoms
from plasma_trainer.imagination.planning import Budget, Planner
from plasma_trainer.pipelines.foresight import planner_of
from plasma_trainer.pipelines.learner import Learner

PATHS = 64
STEPS = 10  # of every path, each time the planner is asked
UPDATES = 300  # each time the student studies
BATCH = 256
LEARNING_RATE = 1e-3  # falls to nothing, each time

COURSE = 8  # times that a stuck policy is taught
BUDGET = Budget(plans=64, decisions=6, hold=1)  # of its planner: the critic knows the rest


@dataclass(frozen=True)
class Lessons:
    """obs [N, O], and the planner's actions there, [N] int64 or [N, A]."""

    obs: Tensor
    action: Tensor

    def __add__(self, other: Lessons) -> Lessons:
        return Lessons(torch.cat([self.obs, other.obs]), torch.cat([self.action, other.action]))

    @classmethod
    def none(cls, learner: Learner) -> Lessons:
        """Where to begin."""
        _, task = learner.experience()
        return cls(task["obs"][:0], task["action"][:0])


@torch.no_grad()
def ask(learner: Learner, student: nn.Module, planner: Planner, seed: int) -> Lessons:
    """What the planner would do in lives of the student, who explores a little; an episode of theirs has passed."""
    limit = step_limit(learner.plant)
    phantoms = Phantoms(learner.dreamt(), learner.starts(), PATHS, limit, seed, None)
    phantoms.stagger()
    agent = copy.deepcopy(learner.agent)
    agent.policy = student
    phantoms.roll(agent.sample, limit)
    lessons = Lessons.none(learner)
    for _ in range(STEPS):
        lessons = lessons + Lessons(phantoms.obs, planner.plan(phantoms.state)[:, 0])
        phantoms.step(agent.sample(phantoms.obs, phantoms.generator))
    return lessons


def study(student: nn.Module, lessons: Lessons, seed: int) -> None:
    """Learn all lessons so far, from where the student is. Only what is trainable changes: of an adapted policy, the
    adapter."""
    generator = torch.Generator().manual_seed(seed)
    trainable = [p for p in student.parameters() if p.requires_grad]
    optimizer = torch.optim.Adam(trainable, LEARNING_RATE, fused=True)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.0, UPDATES)
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
        schedule.step()


def teach(learner: Learner, seed: int) -> None:
    """A course for the learner's policy: a policy gradient needs luck where a planner needs only a world that is right
    for a few steps, and a critic for the rest. Where experience is truer than the world, it teaches by itself.
    """
    student, lessons = copy.deepcopy(learner.policy), Lessons.none(learner)
    remembered = _remembered(learner)
    for index in range(COURSE):
        if remembered:
            lessons = remembered
        else:
            planner = planner_of(learner, "cem", BUDGET, derive(seed, "teacher", index))
            lessons = lessons + ask(learner, student, planner, derive(seed, "asked", index))
        study(student, lessons, derive(seed, "study", index))
    learner.policy.load_state_dict(student.state_dict())


def _remembered(learner: Learner) -> Lessons | None:
    """The best that was done wherever the learner was, if its memory is to be believed."""
    memory = learner.memory()
    if memory is None:
        return None
    lived, _ = learner.experience()
    best = memory.best(learner.discount)
    return Lessons(lived["obs"][best], lived["action"][best])
