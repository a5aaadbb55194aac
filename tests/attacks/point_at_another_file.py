"""Give the loader a path that is not a packet file.

The idea: a local user plants a link to a file that the robot's service may read and he may not, or a pipe that never
ends, where a packet is expected.
The damage: secrets in error messages; a control process that hangs before take-off.
The defence: only regular files, never through a symbolic link, read once, and no waiting.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    with tempfile.TemporaryDirectory() as folder:
        genuine = Path(folder) / "genuine.plasma"
        genuine.write_bytes(fleet.base)
        link = Path(folder) / "link.plasma"
        link.symlink_to(genuine)
        pipe = Path(folder) / "pipe.plasma"
        os.mkfifo(pipe)
        paths = {
            "a link": link,
            "a pipe": pipe,
            "a folder": Path(folder),
            "nothing": Path(folder) / "none.plasma",
            "a device": Path("/dev/zero"),
        }
        for what, path in paths.items():
            yield Attempt(what, path, ["E_IO"])
