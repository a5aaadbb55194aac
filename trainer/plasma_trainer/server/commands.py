# SPDX-License-Identifier: Apache-2.0
"""From a job to the command that does it, and from what the command left to the job's result.

The only file that knows the command line of `plasma-train`. Values follow their option after `=`, so that none can
be taken for another option.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from plasma_trainer.errors import TrainerError
from plasma_trainer.server.jobs import Job
from plasma_trainer.server.recipes import env_of
from plasma_trainer.server.settings import Settings

NOT_REACHED = 3  # exit status of a run that ended short of its goal: an answer, not a failure
MISTAKE = 2  # exit status for what the same command would meet again
_NUMBER = r"(-?[\d.]+(?:e[+-]?\d+)?|nan|-?inf)"
_RETURN = rf"return {_NUMBER} \(mean of (\d+) episodes, at least {_NUMBER}, worst {_NUMBER}\)"
_ROUND = re.compile(rf"^round (\d+): (\d+) real steps, {_RETURN}", re.M)
_RECORDED = ("description",)  # kept with the job, never interpreted
_FLOWN = re.compile(rf"^torch: {_RETURN}", re.M)


def command(job: Job, settings: Settings) -> list[str]:
    """What follows `plasma-train` on the command line."""
    run, asked = settings.run(job.run), job.params
    match job.kind:
        case "train":
            return ["train", f"--out={run}", *_options(asked)]
        case "adapt":
            base = settings.run(asked["base"])
            return ["adapt", str(base), f"--out={run}", *_options(asked, "base")]
        case "audit":
            canary = "--canary" if asked["canary"] else "--no-canary"
            return ["audit", str(run), canary, f"--seed={asked['seed']}"]
        case "simulate":
            return ["evaluate", str(run), *_options(asked, "run")]
        case "worlds":
            pixels = "--pixels" if asked["pixels"] else "--no-pixels"
            return ["evaluate-world", f"--out={run}", pixels, *_options(asked, "pixels")]
        case "compile":
            given = [f"--base={base_packet(job, settings)}"] if asked["base_packet"] else []
            files = [f"--key={throwaway_key(job, settings)}", f"--out={exported(job, settings)}"]
            return ["export", str(run), *files, *given]
    raise AssertionError(job.kind)


def exported(job: Job, settings: Settings) -> Path:
    """What a compile job writes, before it is staged."""
    return settings.job(job.id) / "exported.plasma"


def base_packet(job: Job, settings: Settings) -> Path:
    """A copy of the packet that a compile job's adapter is for."""
    return settings.job(job.id) / "base.plasma"


def throwaway_key(job: Job, settings: Settings) -> Path:
    """`plasma-train export` signs with a key that is made for the occasion and opens nothing."""
    return settings.job(job.id) / "throwaway.pem"


def result(job: Job, settings: Settings, log: str) -> dict[str, Any]:
    """What the command found out; what a compile job made is for `staging` to say."""
    run = settings.run(job.run)
    match job.kind:
        case "train" | "adapt":
            return _read(run / "result.json")
        case "audit":
            return _read(run / "audit.json")
        case "worlds":
            return {"worlds": sorted(_read(run / "worlds.json"))}
        case _:
            flown = _FLOWN.findall(log)
            if not flown:
                raise TrainerError(
                    "the command said nothing about a return; its log says what it did"
                )
            return {"returns": _returns(flown[-1])}


def points(job: Job, log: str) -> list[tuple[float, dict[str, Any]]]:
    """Progress (0 to 1) and the point of the learning curve there, for every round the command has told of so far."""
    budget = job.params["real_steps"]
    return [
        (
            int(steps) / budget,
            {"round": int(index), "real_steps": int(steps), "returns": _returns(returns)},
        )
        for index, steps, *returns in _ROUND.findall(log)
    ]


def _options(asked: dict[str, Any], *without: str) -> list[str]:
    return [
        f"--{name.replace('_', '-')}={env_of(value) if name == 'env' else value}"
        for name, value in asked.items()
        if name not in (*without, *_RECORDED) and value is not None
    ]


def _returns(found: Any) -> dict[str, float]:
    mean, episodes, low, worst = found
    return {
        "mean": float(mean),
        "low": float(low),
        "worst": float(worst),
        "episodes": int(episodes),
    }


def _read(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))
