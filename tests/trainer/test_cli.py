# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest
from typer.testing import CliRunner

from plasma_trainer.cli import app
from plasma_trainer.pipelines import learner

run = CliRunner().invoke


def test_an_unknown_environment_is_one_line_and_exit_status_2(tmp_path: Path) -> None:
    result = run(
        app, ["train", "--env", "NoSuchEnv-v0", "--threshold", "1", "--out", str(tmp_path)]
    )
    assert result.exit_code == 2
    assert "NoSuchEnv" in result.stderr
    assert "Traceback" not in result.output


def test_a_goal_that_was_not_reached_is_exit_status_3(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(learner, "UPDATES", 20)
    steps = ["--real-steps", "20", "--iterations", "1"]
    result = run(app, ["train", "--env", "CartPole-v1", "--out", str(tmp_path), *steps])
    assert result.exit_code == 3
    assert "not solved with 20 real steps" in result.output


def test_auditing_what_is_no_run_says_what_to_do(tmp_path: Path) -> None:
    result = run(app, ["audit", str(tmp_path)])
    assert result.exit_code == 2
    assert "plasma-train train" in result.stderr


def test_evaluates_a_finished_run(trained_run: Path) -> None:
    result = run(app, ["evaluate", str(trained_run), "--episodes", "2"])
    assert result.exit_code == 0
    assert "torch: return" in result.output


def test_a_rank_is_auto_or_what_a_packet_can_hold(tmp_path: Path) -> None:
    for rank in ("0", "17", "much"):
        result = run(app, ["adapt", str(tmp_path), "--rank", rank, "--out", str(tmp_path)])
        assert result.exit_code == 2
        assert "expected auto or 1 to 16" in result.stderr
