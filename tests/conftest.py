"""One thread for torch: results do not depend on the number of cores, and small networks are faster."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
