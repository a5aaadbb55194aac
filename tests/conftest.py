"""One thread for torch: results do not depend on the number of cores, and small networks are faster. Long tests begin
first, and modules of the trainer before the many short ones: one that began last would keep one core busy and the other
waiting.
"""

from __future__ import annotations

import os

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(
        key=lambda item: (
            item.get_closest_marker("long") is None,
            "trainer" not in item.path.parts,
        )
    )
