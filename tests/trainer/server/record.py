# SPDX-License-Identifier: Apache-2.0
"""Where the campaigns against the server leave their figures: benchmarks/results/server/latest.json, each with its
command, commit and date.
"""

from __future__ import annotations

import json
import os
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[3]
PATH = ROOT / "benchmarks/results/server/latest.json"


def record(name: str, command: str, figures: dict[str, Any]) -> None:
    """Replace what is known of this campaign; the others stay. Prints the figures as one line."""
    known = json.loads(PATH.read_text()) if PATH.exists() else {}
    known[name] = {
        "command": command,
        "commit": _git("rev-parse", "--short", "HEAD") + ("+" if _git("status", "--short") else ""),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "load_average": round(os.getloadavg()[1], 1),  # of five minutes, on two cores
        **figures,
    }
    PATH.parent.mkdir(parents=True, exist_ok=True)
    scratch = PATH.with_suffix(".tmp")
    scratch.write_text(json.dumps(known, indent=1, sort_keys=True) + "\n")
    scratch.replace(PATH)
    print(f"{name}: {json.dumps(figures)}")  # noqa: T201


def _git(*arguments: str) -> str:
    return subprocess.check_output(["git", *arguments], cwd=ROOT, text=True).strip()
