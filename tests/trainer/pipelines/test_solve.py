# SPDX-License-Identifier: Apache-2.0
"""From an id to a packet that flies, and to none where the goal was not reached or the dream did not hold."""

from __future__ import annotations

import json
from pathlib import Path

import gymnasium as gym
import pytest
from typer.testing import CliRunner

import plasma_edge as pe
import plasma_pack
from plasma_trainer.cli import app
from plasma_trainer.pipelines import learner, solve

QUICK = ["--real-steps", "60", "--block-steps", "60", "--iterations", "1"]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learner, "UPDATES", 20)
    monkeypatch.setattr(solve, "CONFIRMING_EPISODES", 4)


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["solve", "--env", "CartPole-v1", *QUICK, *args])
    return result.exit_code, result.output


def test_ends_in_a_packet_that_flies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Twenty updates make no world that keeps its promises.
    monkeypatch.setattr("plasma_trainer.audit.report.GAP_LIMIT", float("inf"))
    code, output = run("--threshold", "5", "--out", str(tmp_path))
    assert code == 0, output
    assert "return, packet" in output
    policy = pe.Policy.load(tmp_path / "policy.plasma", trust=tmp_path / "key.pub")
    assert policy(gym.make("CartPole-v1").reset(seed=0)[0]) in (0, 1)
    facts = json.loads((tmp_path / "solution.json").read_text())
    assert facts["real_steps"] == 60
    assert facts["packet"]["episodes"] == 4
    before = (tmp_path / "policy.plasma").read_bytes()
    assert run("--threshold", "5", "--out", str(tmp_path))[0] == 0
    assert (tmp_path / "policy.plasma").read_bytes() == before


def test_a_key_that_cannot_sign_is_told_before_the_training(tmp_path: Path) -> None:
    plasma_pack.keygen(tmp_path / "key.pem")
    (tmp_path / "key.pub").unlink()
    for key in ("key.pem", "none.pem"):
        code, output = run("--out", str(tmp_path / "run"), "--key", str(tmp_path / key))
        assert code == 2, output
    assert not (tmp_path / "run").exists()


def test_a_goal_out_of_reach_ends_without_a_packet(tmp_path: Path) -> None:
    code, output = run("--threshold", "500", "--out", str(tmp_path))
    assert code == 3
    assert "not reached" in output
    assert not (tmp_path / "policy.plasma").exists()


def test_a_failed_audit_ends_without_a_packet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("plasma_trainer.audit.report.GAP_LIMIT", -1.0)
    code, output = run("--threshold", "5", "--out", str(tmp_path))
    assert code == 3
    assert "failed" in output
    assert not (tmp_path / "policy.plasma").exists()
