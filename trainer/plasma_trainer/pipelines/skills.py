# SPDX-License-Identifier: Apache-2.0
"""Reading back what was learnt: a base, from a plant or from a log, or an adapter, for one broken plant or several."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium as gym

from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.adapt import load_adapted
from plasma_trainer.pipelines.adapt_log import load_adapted_from_log
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.pipelines.offline import load_learnt
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.train import load_trained
from plasma_trainer.policies import load_adapter

MERGED = "merged.json"


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
    if "runs" in args:
        return _load_merged(out)
    if "log" in args and "base" in args:
        logged, learner = load_adapted_from_log(out)
        env = None if logged.variant is None else Run.open(Path(logged.base)).args["env"]
        return Skill(env, logged.variant or "nominal", learner, out / "adapter")
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


def load_specialists(runs: Sequence[str]) -> tuple[Path, list[Skill]]:
    """Finished adaptations, and the run of the base that they share. Raises UsageError for fewer than two, or for
    anything else.
    """
    bases = {Run.open(Path(run)).args.get("base") for run in runs}
    if len(runs) < 2 or len(bases) != 1 or None in bases:
        raise UsageError(
            f"found {len(runs)} runs on the bases {', '.join(sorted(map(str, bases)))}; "
            "expected two adaptations or more, all of one base (plasma-train adapt BASE ...)"
        )
    return Path(bases.pop()), [load_skill(Path(run)) for run in runs]


def _load_merged(out: Path) -> Skill:
    """A merged adapter on the plant on which it falls behind its specialist most: what holds there is no exception."""
    if not (out / MERGED).exists():
        raise UsageError(f"the merge in {out} is not finished; start it again to finish it")
    base, specialists = load_specialists(Run.open(out).args["runs"])
    skill = specialists[json.loads((out / MERGED).read_text())["worst"]]
    skill.learner.policy = load_adapter(load_trained(base)[1].policy, out / "adapter")
    return replace(skill, adapter=out / "adapter")
