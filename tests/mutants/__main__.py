"""make mutants: breaks every check of verifier and validator, one at a time, and counts those that no C++ test misses.

A mutant is killed when a test fails, crashes or does not end. Those that cannot be told from the original are listed,
each with its reason, in equivalent.toml; one that is listed there and killed nevertheless is an error.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from . import equivalent, report, schemata
from .schemata import Numbered

# Tests of kernels break no check, and those that try very many things are left out: they would need an hour, and a
# check deserves a test of its own.
_SLOW = (
    "*at random*,*random mutations*,*every other value*,*every single-bit flip*,*no flipped bit*,"
    "*for every number of*,*storm*,*second thread*,*its relu*,*then relu*"
)
# What a test run may take: several times what it does.
_SECONDS = 30
_BYTES = 8 << 30


def main() -> int:
    start = time.monotonic()
    paths = tuple(sys.argv[1:])
    mutants = schemata.write()
    schemata.build()
    if not _passes(0, "-sf=*"):
        sys.exit("the tests fail without any mutant: run make cpp-test")
    mutants = [m for m in mutants if not paths or m.mutant.path.startswith(paths)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        killed = pool.map(_is_killed, mutants)
        fates = list(report.shown(equivalent.judged((m.mutant for m in mutants), killed)))
    if not paths:
        report.save(fates, time.monotonic() - start)
    return report.summary(fates)


def _is_killed(numbered: Numbered) -> bool:
    """The tests of its own floor come first: most die there."""
    own = f"*test_{Path(numbered.mutant.path).parent.name}*"
    return not (
        _passes(numbered.number, f"-sf={own}")
        and _passes(numbered.number, f"-sfe={own},*test_kernel*")
    )


def _passes(number: int, files: str) -> bool:
    command = [str(schemata.PROGRAM), "--abort-after=1", "--minimal=true", f"-tce={_SLOW}", files]
    environment = os.environ | {"PLASMA_MUTANT": str(number)}
    try:
        done = subprocess.run(
            command,
            env=environment,
            capture_output=True,
            timeout=_SECONDS,
            preexec_fn=_limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return False
    return done.returncode == 0


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (_BYTES, _BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    sys.exit(main())
