"""The same agents in every run."""

from __future__ import annotations

import pytest
import torch


@pytest.fixture(autouse=True)
def _same_agents() -> None:
    torch.manual_seed(0)
