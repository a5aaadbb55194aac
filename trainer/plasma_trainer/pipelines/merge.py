# SPDX-License-Identifier: Apache-2.0
"""Several specialists merged into one generalist, without learning anything anew.

One policy can only do for several plants what does not contradict itself: a motor as built and the same motor wired
backwards look alike and want opposite commands, so no policy without a memory masters both. For those there is the
gate (gate.py).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from plasma_trainer.data import derive
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.evaluate import CONFIRMING_EPISODES, evaluate
from plasma_trainer.pipelines.export import MAX_RANK
from plasma_trainer.pipelines.runs import Run, write_json
from plasma_trainer.pipelines.skills import MERGED, Skill, load_skill, load_specialists
from plasma_trainer.policies import METHODS, Merging, greedy_act, merged, save_adapter


@dataclass(frozen=True)
class MergeArgs:
    """What `plasma-train merge` asks for."""

    runs: tuple[str, ...]  # of adaptations, all of one base
    method: str = "linear"
    weights: tuple[float, ...] = ()  # none: equal ones that sum to 1, or for ties 1 each
    density: float = 0.5  # share of entries kept, but by linear
    seed: int = 0

    @property
    def merging(self) -> Merging:
        """How the adapters become one. Raises UsageError for what nobody could do."""
        count = len(self.runs)
        if self.method not in METHODS:
            raise UsageError(f"found method {self.method}; expected one of {', '.join(METHODS)}")
        if self.weights and len(self.weights) != count:
            raise UsageError(
                f"found {len(self.weights)} weights for {count} runs; pass one --weight for each, or none"
            )
        equal = 1.0 if self.method.endswith("ties") else 1.0 / count  # ties takes a mean by itself
        return Merging(self.weights or (equal,) * count, self.method, self.density)


def merge(args: MergeArgs, out: Path, console: Console) -> list[dict[str, Any]]:
    """Merge the adapters of finished runs: `out`/adapter is what PEFT saves, and `out` exports like any adaptation.

    Returns a row for each plant, {variant, specialist, generalist}: Returns of the same fresh episodes under both.
    """
    merging, (base, skills) = args.merging, load_specialists(args.runs)
    Run.begin(out, args)
    torch.manual_seed(derive(args.seed, "merge"))  # dare draws
    policies = [skill.learner.policy for skill in skills]
    policy = merged(load_skill(base).learner.policy, policies, merging, MAX_RANK)
    save_adapter(policy, out / "adapter")
    rows = []
    for skill in skills:
        with console.status(f"flying both on {skill.variant}"):
            rows.append(_row(skill, policy, args.seed))
    behind = [row["specialist"]["mean"] - row["generalist"]["mean"] for row in rows]
    write_json(out / MERGED, {"plants": rows, "worst": behind.index(max(behind))})
    return rows


def table(rows: list[dict[str, Any]]) -> Table:
    """Each plant, and what specialist and generalist earn there."""
    result = Table("plant", "specialist", "generalist", box=None)
    for row in rows:
        returns = (row[who]["mean"] for who in ("specialist", "generalist"))
        result.add_row(row["variant"], *(f"{mean:.1f}" for mean in returns))
    return result


def _row(skill: Skill, policy: torch.nn.Module, seed: int) -> dict[str, Any]:
    acts = {"specialist": skill.learner.policy, "generalist": policy}
    seed = derive(seed, skill.variant)
    returns = {
        name: asdict(evaluate(skill.env, skill.variant, greedy_act(act), CONFIRMING_EPISODES, seed))
        for name, act in acts.items()
    }
    return {"variant": skill.variant, **returns}
