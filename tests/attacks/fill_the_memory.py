"""Hand over a file that is larger than the device.

The idea: a sparse file costs nothing to make and a gigabyte to read.
The damage: the process that flies the robot is killed for the memory that its update took.
The defence: the size is asked before the first byte is read, and has a cap whatever the caller says.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.attacks.fleet import Attempt, Fleet

CAP = 256 << 20


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    with tempfile.TemporaryDirectory() as folder:
        for size in (CAP + 1, 1 << 31, 1 << 40):
            path = Path(folder) / f"{size}.plasma"
            with path.open("wb") as file:
                file.write(fleet.base)
                file.truncate(size)  # a hole: it takes no room on the disk
            yield Attempt(f"{size} bytes", path, ["E_TOO_LARGE"])
