# SPDX-License-Identifier: Apache-2.0
"""From a log to a packet, and what may be said of it without a plant."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import pytest
import torch
from rich.console import Console
from typer.testing import CliRunner

import plasma_edge as pe
from plasma_trainer.cli import app
from plasma_trainer.data import Recording, collect_log, load_minari, random_act, save_minari
from plasma_trainer.pipelines import examine, learner, offline
from plasma_trainer.pipelines.offline import OfflineArgs
from plasma_trainer.pipelines.skills import load_skill
from tests.trainer.reports import a_report

LOG = "test/log-v0"


@pytest.fixture(autouse=True)
def quick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setattr(learner, "UPDATES", 20)
    monkeypatch.setattr(learner, "PATHS", 16)
    monkeypatch.setattr(examine, "AUDITOR_UPDATES", 20)
    monkeypatch.setattr(offline, "ROUND", 1)


def log_of(env_id: str, name: str | None) -> None:
    plant = gym.make(env_id)
    log = collect_log(plant, random_act(plant.action_space, 0), 200, seed=0, longest=60)
    save_minari(Recording(log, plant.observation_space, plant.action_space, name), LOG, "random")


def run(*args: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, args)
    return result.exit_code, result.output


def solve(out: Path) -> tuple[int, str]:
    return run("solve", "--from-minari", LOG, "--iterations", "2", "--out", str(out))


def test_a_log_becomes_a_packet_whose_audit_is_unverified(tmp_path: Path) -> None:
    log_of("CartPole-v1", "CartPole-v1")
    out = tmp_path / "run"
    code, output = solve(out)
    assert code == 0, output
    assert "unverified" in output
    policy = pe.Policy.load(out / "policy.plasma", trust=out / "key.pub")
    assert policy(gym.make("CartPole-v1").reset(seed=0)[0]) in (0, 1)
    with pytest.raises(pe.PlasmaError):
        pe.Policy.load(out / "policy.plasma", trust=out / "key.pub", require_audit="verified")
    code, output = run("audit", str(out), "--canary")
    assert "canary_gap" in output, output


def test_an_interrupted_run_ends_as_if_it_had_not_been(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of("Pendulum-v1", "Pendulum-v1")
    assert solve(tmp_path / "whole")[0] == 0
    save = offline.Run.save_round

    def pull_the_plug(self: offline.Run, index: int, state: dict[str, object]) -> None:
        save(self, index, state)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(offline.Run, "save_round", pull_the_plug)
        assert solve(tmp_path / "cut")[0] != 0
    assert not (tmp_path / "cut/result.json").exists()
    assert solve(tmp_path / "cut")[0] == 0
    whole, cut = (load_skill(tmp_path / name).learner.policy for name in ("whole", "cut"))
    pairs = zip(whole.state_dict().values(), cut.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_a_checkpoint_is_chosen_by_what_an_audit_leaves_of_its_dream(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of("CartPole-v1", "CartPole-v1")
    reports = [a_report(imagined_return=300.0)]
    # The second dreams more, on nothing.
    reports += [a_report(unsupported_share=0.9, disagreement_share=0.9)]
    monkeypatch.setattr(offline, "examine", lambda *_: (reports.pop(0), None))
    out = tmp_path / "run"
    assert offline.learn(OfflineArgs(LOG, iterations=2), out, Console(quiet=True)).chosen == 0
    first = torch.load(out / "round-000.pt", weights_only=True)["learner"]["agent"]
    kept = load_skill(out).learner.agent.state_dict()
    assert all(torch.equal(kept[name], column) for name, column in first.items())


def test_a_log_without_an_environment_is_learnt_from_and_not_flown(tmp_path: Path) -> None:
    log_of("CartPole-v1", None)
    out = tmp_path / "run"
    assert solve(out)[0] == 0
    for command in ("audit", "evaluate"):
        code, output = run(command, str(out))
        assert code == 2
        assert "names no environment" in output


def test_a_log_that_shows_nothing_worth_doing_is_refused(tmp_path: Path) -> None:
    log_of("MountainCar-v0", "MountainCar-v0")
    code, output = solve(tmp_path / "run")
    assert code == 2
    assert "add episodes that reach" in " ".join(output.split())


def test_a_task_comes_from_one_place(tmp_path: Path) -> None:
    for asked in ((), ("--env", "CartPole-v1", "--from-minari", LOG)):
        code, output = run("solve", *asked, "--out", str(tmp_path))
        assert code == 2
        assert "one of them" in output


def test_phantom_paths_are_kept_unless_they_rest_on_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of("CartPole-v1", "CartPole-v1")
    solve(tmp_path / "run")
    asked = ("imagine", str(tmp_path / "run"), "--paths", "8", "--horizon", "20", "--to-minari")
    code, output = run(*asked, "test/dreams-v0")
    assert code == 0, output
    flagged = next(int(line.split()[1]) for line in output.splitlines() if "flagged" in line)
    if flagged < 8:
        dreams = load_minari("test/dreams-v0")
        assert len(dreams.log.episodes) == 8 - flagged
        assert max(len(e) for e in dreams.log.episodes) <= 20
    monkeypatch.setattr("plasma_trainer.pipelines.imagine.SHARE_LIMIT", -1.0)
    code, output = run(*asked, "test/none-v0")
    assert code == 2
    assert "at least one" in output
