# SPDX-License-Identifier: Apache-2.0
"""The audit judged on held-out pools of policies (docs/audit.md says how to read it).

    make results ONLY=audit

The same as `plasma-train bench-audit`, written to benchmarks/results/learning/latest.json under `audit`: means over the
families at the top, families, and planted exploits, below. An interrupted benchmark goes on school by school; remove
runs/audit to measure again.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import torch
from benchmarks.record import ROOT, provenance, record, write_tables
from rich.console import Console

from plasma_trainer.pipelines.bench_audit import (
    FAMILIES,
    HELD_OUT,
    Grades,
    bench_audit,
    grades_of,
    natural,
    planted,
)


def main() -> None:
    torch.set_num_threads(1)
    exams = bench_audit(FAMILIES, HELD_OUT, ROOT / "runs/audit", Console())
    parts = {"natural": grades_of(natural(exams)), "planted": grades_of(planted(exams))}
    record("audit", asdict(parts["natural"]["all"]) | provenance() | _families(parts))
    write_tables("audit", "\n".join(_table(name, grades) for name, grades in parts.items()))


def _families(parts: dict[str, dict[str, Grades]]) -> dict[str, Any]:
    return {
        part: {family: asdict(grades) for family, grades in graded.items()}
        for part, graded in parts.items()
    }


def _table(part: str, graded: dict[str, Grades]) -> str:
    lines = [
        f"**{part} exploits** (95 % intervals over schools)",
        "",
        "| family | policies | exploited | AUROC, canary | AUROC, offline | precision | recall | false blocks at 95 % "
        "| Spearman, canary | offline | regret, canary | offline |",
        "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for family, grades in graded.items():
        figures = [f for f in vars(grades).values() if not isinstance(f, int)]
        cells = " | ".join(f"{f.value:.2f} ({f.low:.2f}–{f.high:.2f})" for f in figures)
        lines.append(f"| {family} | {grades.policies} | {grades.exploited} | {cells} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
