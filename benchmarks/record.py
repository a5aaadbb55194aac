# SPDX-License-Identifier: Apache-2.0
"""Where learning results are kept: one JSON with a key for each part, and tables on the pages that speak of them."""

from __future__ import annotations

import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from plasma_trainer.pipelines.runs import write_json

ROOT = Path(__file__).parent.parent
RESULTS = ROOT / "benchmarks/results/learning/latest.json"
PAGES = (ROOT / "trainer/README.md", *sorted((ROOT / "docs").glob("*.md")))


def recorded(part: str) -> dict[str, Any]:
    """What stands under `part`, empty when nothing was measured yet."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    return dict(results.get(part, {}))


def record(part: str, figures: dict[str, Any]) -> None:
    """Replace what stands under `part`; what others have written stays."""
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    write_json(RESULTS, results | {part: figures})


def provenance() -> dict[str, str]:
    """When and on what machine."""
    return {"date": datetime.now(UTC).date().isoformat(), "machine": _machine()}


def write_tables(part: str, tables: str) -> None:
    """Put Markdown between the marks for `part`, on the one page that has them."""
    begin, end = f"<!-- {part}, made by make results: begin -->", f"<!-- {part}: end -->"
    (page,) = (page for page in PAGES if begin in page.read_text())
    text = page.read_text()
    before, after = text.split(begin)[0], text.split(end)[1]
    page.write_text(f"{before}{begin}\n\n{tables}\n{end}{after}")


def _machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = (line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    return next(names, platform.machine())
