# SPDX-License-Identifier: Apache-2.0
"""The campaigns in small; in earnest they are commands, and their figures are in benchmarks/results/server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.trainer.server.fuzz import fuzz
from tests.trainer.server.kills import campaign


def test_answers_are_those_of_the_contract(tmp_path: Path) -> None:
    answers = fuzz(tmp_path, 200, 1)
    assert answers.total() >= 200
    assert {200, 202, 404, 422} <= set(answers)


@pytest.mark.long
def test_kills_cost_nothing_but_time(tmp_path: Path) -> None:
    figures = campaign(tmp_path, 3, 1)
    assert sum(figures["kills"].values()) == 3
    assert figures["trained"] >= 2
    assert figures["files_checked"] >= 2 * 4
