# SPDX-License-Identifier: Apache-2.0
"""What a runtime costs besides time: memory, start, threads, CPU between ticks, disk; above python + numpy.

    python -m benchmarks.bench.footprint B litert 1 3    # net, runtime, threads (0: its default), seconds of loop

One process a probe: whatever was imported before would hide what an import costs. A probe imports, loads, steps once,
and then ticks at 200 Hz; a loop that calls nothing is subtracted.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module, metadata, util
from pathlib import Path
from typing import Any

import numpy as np

from .catalog import NETS, Net
from .contender import Call

HZ = 200
WARM_UP_S = 0.3


def probe(net: Net, runtime: str, threads: int, seconds: float, folder: Path) -> dict[str, float]:
    """{'cold_start_ms', 'rss_mb', 'threads', 'cpu_percent'}. folder: where our packet lies."""
    obs = net.channels_last(np.zeros(net.obs, np.float32))
    idle = _cpu_percent(lambda obs: obs, obs, seconds)
    rss, tasks = _rss_mb(), _tasks()
    begin = time.perf_counter_ns()
    call, obs = _start(net, runtime, threads or None, folder, obs)
    call(obs)
    started_ms = (time.perf_counter_ns() - begin) / 1e6
    for _ in range(10):
        call(obs)
    return {
        "cold_start_ms": started_ms,
        "rss_mb": _rss_mb() - rss,
        "threads": _tasks() - tasks,
        "cpu_percent": _cpu_percent(call, obs, seconds) - idle,
    }


def installed_mb(runtime: str) -> float:
    """The files of the distribution; ours with its two libraries, and without the packer, which no robot needs."""
    if runtime == "ours":
        found = util.find_spec("plasma_edge")
        assert found is not None
        assert found.origin is not None
        package = Path(found.origin).parent
        files = [path for path in package.rglob("*") if "__pycache__" not in path.parts]
        return _size_mb(files + _libraries(next(package.glob("_core*.so"))))
    distribution = metadata.distribution(_name_of(runtime))
    return _size_mb([Path(str(distribution.locate_file(f))) for f in distribution.files or []])


def _start(net: Net, runtime: str, threads: int | None, folder: Path, obs: Any) -> tuple[Call, Any]:
    if runtime == "ours":
        import plasma_edge as pe

        return pe.Policy.load(folder / "base.plasma", trust=folder / "key.pub"), obs[0]
    peer = import_module(f"{__package__}.peers.{runtime}")
    call: Call = peer.first_call(net, threads)
    return call, obs


def _cpu_percent(call: Callable[[Any], object], obs: Any, seconds: float) -> float:
    """CPU time of all threads in per cent of one core, ticking at HZ."""
    if not seconds:
        return 0.0
    _tick(call, obs, WARM_UP_S)
    begin, cpu = time.perf_counter(), time.process_time()
    _tick(call, obs, seconds)
    return 100 * (time.process_time() - cpu) / (time.perf_counter() - begin)


def _tick(call: Callable[[Any], object], obs: Any, seconds: float) -> None:
    start = time.perf_counter()
    for tick in range(int(seconds * HZ)):
        call(obs)
        time.sleep(max(0.0, start + (tick + 1) / HZ - time.perf_counter()))


def _rss_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _tasks() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _libraries(module: Path) -> list[Path]:
    """The libsodium and libzstd that our module is linked with."""
    linked = subprocess.run(["ldd", module], capture_output=True, text=True, check=True).stdout
    return [Path(path) for path in re.findall(r"=> (\S*lib(?:sodium|zstd)\S*)", linked)]


def _size_mb(files: list[Path]) -> float:
    return sum(path.stat().st_size for path in files if path.is_file()) / 1e6


def _name_of(runtime: str) -> str:
    return {"litert": "ai-edge-litert"}.get(runtime, runtime)


def main() -> None:
    letter, runtime, threads, seconds, *folder = sys.argv[1:]
    where = Path(folder[0]) if folder else Path()
    result = probe(NETS[letter], runtime, int(threads), float(seconds), where)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main()
