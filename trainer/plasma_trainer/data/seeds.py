# SPDX-License-Identifier: Apache-2.0
"""One seed in, as many independent seeds out as there are places that need one."""

from __future__ import annotations

import zlib

import numpy as np


def derive(seed: int, purpose: str, index: int = 0) -> int:
    """A 31-bit seed for `purpose`, e.g. derive(0, "collect", 3); equal arguments always give the equal seed.

    Because nothing is drawn from a shared stream, a run resumed at round 3 sees the seeds it would have seen anyway.
    """
    words = (seed, zlib.crc32(purpose.encode()), index)
    return int(np.random.SeedSequence(words).generate_state(1)[0] >> 1)
