# SPDX-License-Identifier: Apache-2.0
import json
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import ladder as module
from plasma_trainer.pipelines.ladder import Ladder, ladder


@pytest.fixture(scope="module")
def runs(trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """The run as it was learnt, between one that always pushes left and one that always pushes right."""
    found = []
    for name, push in (("left", 0), ("learnt", None), ("right", 1)):
        run = tmp_path_factory.mktemp("ladder") / name
        shutil.copytree(trained_run, run)
        if push is not None:
            last = sorted(run.glob("round-*.pt"))[-1]
            state = torch.load(last, weights_only=True)
            state["learner"]["agent"]["policy.net.4.weight"].zero_()
            state["learner"]["agent"]["policy.net.4.bias"].zero_()[push] = 1.0
            torch.save(state, last)
        found.append(run)
    return found


@pytest.fixture
def climb(runs: list[Path], tmp_path: Path, quiet: Console) -> Any:
    def climb(*chosen: Path, episodes: int = 8, variant: str | None = None) -> Ladder:
        asked = list(chosen) or runs
        return ladder(asked, tmp_path / "ladder.db", variant, episodes, 0, quiet)

    return climb


def promise(run: Path, imagined: float) -> None:
    (run / "audit.json").write_text(json.dumps({"imagined_return": imagined}))


def test_the_best_comes_first(climb: Any, runs: list[Path]) -> None:
    found = climb()
    assert found.rungs[0].run == runs[1]
    assert found.rungs[0].standing.rank_interval == (1, 1)
    assert found.rungs[0].over_next == 1.0  # whoever balances beats one that only pushes
    assert found.rungs[-1].over_next is None
    assert (found.honesty, found.parted) == (None, False)


def test_no_episode_is_flown_twice(
    climb: Any, runs: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = climb(runs[0], runs[2])
    flown = []
    fly = module.fly
    monkeypatch.setattr(module, "fly", lambda *a: flown.append(a) or fly(*a))
    assert climb(runs[0], runs[2]) == first
    assert flown == []
    climb(runs[0], runs[2], episodes=10)
    assert len(flown) == 2 * 2
    rows = sqlite3.connect(tmp_path / "ladder.db").execute("select count(*) from episodes")
    assert rows.fetchone() == (20,)


def test_what_was_climbed_last_is_kept_for_who_only_looks(climb: Any, tmp_path: Path) -> None:
    climb(episodes=4)
    found = climb()
    rows = sqlite3.connect(tmp_path / "ladder.db").execute(
        "select env, variant, ladder from ladders"
    )
    ((env, variant, kept),) = rows.fetchall()
    assert (env, variant) == ("CartPole-v1", "nominal")
    assert [rung["run"] for rung in json.loads(kept)["rungs"]] == [str(r.run) for r in found.rungs]
    assert json.loads(kept)["stability"] == found.stability


def test_flags_imagination_that_ranks_the_other_way_round(climb: Any, runs: list[Path]) -> None:
    order = [rung.run for rung in climb().rungs]
    for place, run in enumerate(order):
        promise(run, 100.0 * place)
    found = climb()
    assert found.honesty is not None
    assert found.honesty < 0
    assert found.parted
    assert "FLAG" in found.summary
    for run in runs:
        (run / "audit.json").unlink()


def test_refuses_what_cannot_be_ranked(climb: Any, runs: list[Path], tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="two or more different ones"):
        climb(runs[0], runs[0])
    (tmp_path / "ladder.db").write_text("these are not the episodes that you are looking for" * 99)
    with pytest.raises(UsageError, match="is no ladder"):
        climb()
