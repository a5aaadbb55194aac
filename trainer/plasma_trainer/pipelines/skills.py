# SPDX-License-Identifier: Apache-2.0
"""Reading back what was learnt: a base, trained on a plant or from a log, or the adapter for a broken plant."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym

from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines.adapt import load_adapted
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.offline import load_learnt
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.train import load_trained


@dataclass(frozen=True)
class Skill:
    """A finished run: which plant it is for, and everything that was learnt there."""

    env: str | None  # None: learnt from a log that does not name it
    variant: str
    learner: Learner
    adapter: Path | None  # PEFT directory, if this is an adapter

    def plant(self) -> gym.Env[Any, Any]:
        """Where a canary flies. Raises UsageError when nobody knows."""
        return make_plant(self.env, self.variant)


def load_skill(out: Path) -> Skill:
    """The finished run in `out`. Raises UsageError when there is none."""
    args = Run.open(out).args
    if "teacher" in args:
        return _load_distilled(out)
    if "log" in args:
        env, learner = load_learnt(out)
        return Skill(env, "nominal", learner, None)
    if "base" not in args:
        trained, learner = load_trained(out)
        return Skill(trained.env, "nominal", learner, None)
    adapted, learner = load_adapted(out)
    env = Run.open(Path(adapted.base)).args["env"]
    return Skill(env, adapted.variant, learner, out / "adapter")


def _load_distilled(out: Path) -> Skill:
    """What the planner's pupil flies; world, critic and experience are the teacher's."""
    run = Run.open(out)
    skill = load_skill(Path(run.args["teacher"]))
    skill.learner.policy.load_state_dict(run.finished_round()["policy"])
    return skill
