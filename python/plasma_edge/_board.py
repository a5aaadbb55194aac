"""What work takes on this board: measured once by `plasma-edge calibrate`, read where a deadline is given.

The file is JSON: the CPU, and for each kernel table `us_per_step` and, by class of work, `[us_per_op, us_per_unit]`.
"""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from typing import Any

from plasma_edge import UsageError, _core


def board_file() -> Path:
    """$PLASMA_BOARD, or board.json in the user's configuration folder."""
    if named := os.environ.get("PLASMA_BOARD"):
        return Path(named)
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder) / "plasma-edge" / "board.json"


def cpu() -> str:
    """The CPU's name, or on ARM the ids of its cores."""
    names = ("model name", "CPU part")
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    found = {line.partition(":")[2].strip() for line in lines if line.startswith(names)}
    return ", ".join(sorted(found)) or platform.machine()


def measure(kernels: str | None, path: Path) -> dict[str, Any]:
    """Measures this board with a kernel table (None: the fastest) and adds it to the file."""
    board = _core.measure_board(kernels)
    content = _read(path) if path.exists() else None
    if content is None or content["cpu"] != cpu():
        content = {"cpu": cpu(), "tables": {}}
    content["tables"][board["kernels"]] = board["rates"]
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_suffix(".new")
    unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    unfinished.replace(path)
    return board


def rates(kernels: str) -> dict[str, Any] | None:
    """This board's rates with a kernel table; None when it was never calibrated with that."""
    path = board_file()
    if not path.exists():
        return None
    content = _read(path)
    if content["cpu"] != cpu():
        raise UsageError(
            f"{path}: found the CPU {content['cpu']}, expected {cpu()}; run plasma-edge calibrate"
        )
    found: dict[str, Any] | None = content["tables"].get(kernels)
    return found


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        if {"cpu", "tables"} <= content.keys():
            return content
        reason = "no cpu, no tables"
    except (OSError, ValueError, AttributeError) as error:
        reason = str(error)
    raise UsageError(f"{path} is not a calibration ({reason}); remove it and calibrate again")
