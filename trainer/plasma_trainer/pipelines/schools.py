# SPDX-License-Identifier: Apache-2.0
"""Policies to judge the audit by: honest ones, and such as have learnt their world's mistakes, natural or planted.

A school is one learner with a seed of its own; its pupils are the policy's checkpoints. What a fault does is done to
what the world is fitted to, not to what the audit reads: the log is as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from plasma_trainer.data import Transitions
from plasma_trainer.pipelines.dreamer import Dreamer
from plasma_trainer.pipelines.examine import auditor_of
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.world_models import Ensemble

PATHS, UPDATES = 96, 800  # hasty schools; their pupils are not for flying
HONEST_ROUNDS, HONEST_BLOCK, HONEST_ITERATIONS = 4, 200, 25
NATURAL = (1, 3, 6, 10, 15)  # iterations of imagination before each checkpoint
PLANTED = (4, 8, 18)
LOGS = (60, 120, 240, 480)  # random real steps

Pupil = tuple[Learner, Ensemble]
"""A policy with its world, and an auditor that knows the log."""


def _bonus(log: Transitions) -> Transitions:
    """A reward head that pays for what is worth nothing: the highest tenth of the observation's last entry."""
    entry, size = log.next_obs[:, -1], 3 * max(float(log.reward.std()), 1.0)
    bonus = np.where(entry > np.quantile(entry, 0.9), size, 0.0)
    return replace(log, reward=(log.reward + bonus).astype(np.float32))


def _blind(log: Transitions) -> Transitions:
    """A region never fitted: where the observation's first entry is high."""
    known = log.obs[:, 0] <= np.quantile(log.obs[:, 0], 0.6)
    return Transitions(*(column[known] for column in vars(log).values()))


def _endless(log: Transitions) -> Transitions:
    """Ends that were never recorded: nothing terminates."""
    return replace(log, terminated=np.zeros_like(log.terminated), truncated=log.ended)


def _saturated(log: Transitions) -> Transitions:
    """A sensor with a narrow range: the last entry but one stops at the middle half of what it was."""
    obs, next_obs = log.obs.copy(), log.next_obs.copy()
    low, high = np.quantile(log.obs[:, -2], (0.3, 0.7))
    for column in (obs, next_obs):
        column[:, -2] = np.clip(column[:, -2], low, high)
    return replace(log, obs=obs, next_obs=next_obs)


FAULTS: dict[str, Callable[[Transitions], Transitions]] = {
    "natural": lambda log: log,
    "reward": _bonus,
    "region": _blind,
    "ends": _endless,
    "sensor": _saturated,
}


@dataclass(frozen=True)
class School:
    """Which task, which fault (or `honest`), how many random real steps there are to begin with, and the seed."""

    env: str
    kind: str
    real_steps: int
    seed: int

    @property
    def name(self) -> str:
        """A file name."""
        return f"{self.env}-{self.kind}-{self.real_steps}-{self.seed}"

    def pupils(self) -> Iterator[Pupil]:
        """The checkpoints, in order. Each is to be examined before the next is asked for: the learner goes on."""
        return self._honest() if self.kind == "honest" else self._exploiting()

    def _honest(self) -> Iterator[Pupil]:
        """The loop as `train` runs it: phantom lives end where the world is lost, and real steps follow the policy."""
        learner = _hasty(Learner.fresh(self.env, self.seed))
        for index in range(HONEST_ROUNDS):
            learner.live(HONEST_BLOCK if index else self.real_steps, index)
            learner.learn_world(index)
            learner.imagine(HONEST_ITERATIONS, index)
            yield learner, auditor_of(learner, self.seed)

    def _exploiting(self) -> Iterator[Pupil]:
        """Naive imagination from a random log, in a world with the fault."""
        learner = _hasty(Dreamer.fresh(self.env, self.seed))
        log = learner.live(self.real_steps, 0)
        auditor, seen = auditor_of(learner, self.seed), FAULTS[self.kind](log)
        learner.data = seen
        learner.learn_world(0)
        for index, iterations in enumerate(NATURAL if self.kind == "natural" else PLANTED):
            learner.data = seen
            learner.imagine(iterations, index)
            learner.data = log
            yield learner, auditor


def pool(env: str, seed: int) -> list[School]:
    """Forty-odd policies of one task: 20 natural, 8 honest, 12 planted."""
    natural = [School(env, "natural", steps, seed + steps) for steps in LOGS]
    honest = [School(env, "honest", HONEST_BLOCK, seed + index) for index in (1, 2)]
    planted = [School(env, kind, LOGS[-1], seed + 3) for kind in FAULTS if kind != "natural"]
    return natural + honest + planted


def _hasty(learner: Learner) -> Learner:
    learner.paths, learner.updates = PATHS, UPDATES
    return learner
