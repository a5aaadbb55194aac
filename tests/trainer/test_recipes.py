# SPDX-License-Identifier: Apache-2.0
"""The recipes run, on tiny budgets where they take one, and each ends in one line. What the figures are is luck.
client_server_demo.py is run by test_docs_server.py, c_robot by tests/edge/test_c_api.py.
"""

from __future__ import annotations

import re
import runpy
import sys
from pathlib import Path

import pytest

from plasma_trainer.pipelines import learner
from tests.trainer.haste import hasten

RECIPES = Path(__file__).parents[2] / "contrib/recipes"


@pytest.mark.parametrize(
    ("recipe", "line"),
    [
        (["basic_simulation.py"], r"episodes last \d+ steps in reality, \d+ in the imagination"),
        (
            ["lora_training.py", "120"],
            r"motor reversed: return \d+, with an adapter of \d+ bytes \d",
        ),
        (["custom_environment.py", "40"], r"solved with 40 real steps; the packet of \d+ bytes"),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else "",
)
def test_a_recipe_ends_in_one_line(
    recipe: list[str],
    line: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    imagine = learner.Learner.imagine
    hasten(monkeypatch.setattr)
    monkeypatch.setattr(learner, "PATHS", 64)
    monkeypatch.setattr(
        learner.Learner, "imagine", lambda self, iterations, index: imagine(self, 4, index)
    )
    monkeypatch.setattr(sys, "argv", recipe)
    runpy.run_path(str(RECIPES / recipe[0]), run_name="__main__")
    (said,) = capsys.readouterr().out.splitlines()
    assert re.search(line, said)


def test_every_recipe_is_in_the_table() -> None:
    table = (RECIPES / "README.md").read_text()
    for path in RECIPES.iterdir():
        assert path.name == "README.md" or path.name in table
