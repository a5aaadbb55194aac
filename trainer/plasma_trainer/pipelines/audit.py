# SPDX-License-Identifier: Apache-2.0
"""Did the policy learn the task, or the mistakes of its world? Offline scores, then a few real episodes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from plasma_trainer.audit import AuditReport, page, section
from plasma_trainer.pipelines.examine import auditor_of, examine
from plasma_trainer.pipelines.runs import write_json, write_whole
from plasma_trainer.pipelines.skills import Skill


def audit(skill: Skill, out: Path, canary: bool, seed: int) -> AuditReport:
    """Audit the policy of a finished run; the report is written to `out`/audit.json, and as a page beside it.

    With `canary`, a few real episodes are flown on the skill's plant; their steps are counted in the report and never
    learnt from.
    """
    learner = skill.learner
    plant = skill.plant() if canary else None
    report, evidence = examine(learner, auditor_of(learner, seed), plant, seed)
    write_json(out / "audit.json", report.as_dict())
    text = page(f"{skill.env}, {skill.variant}", report, evidence)
    write_whole(out / "audit.html", lambda scratch: scratch.write_text(text) and None)
    return report


def read_section(out: Path) -> dict[str, Any] | None:
    """What of `out`/audit.json is to be signed into a packet; None when the run was not audited."""
    path = out / "audit.json"
    return section(json.loads(path.read_text())) if path.exists() else None
