"""From a zip to a flight, as a person types it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import stable_baselines3 as sb3
from typer.testing import CliRunner

import plasma_edge as pe
from plasma_edge._cli import main as edge
from plasma_pack import keygen
from plasma_pack.cli.app import app

from . import agents
from .agents import Nowhere, box

ZIPS = Path(__file__).parent / "zips"


def _build(folder: Path, source: Path, *options: str) -> tuple[int, str]:
    args = [str(source), "--key", str(folder / "key.pem"), "-o", str(folder / "it.plasma")]
    done = CliRunner().invoke(app, ["build", *args, *options])
    return done.exit_code, done.output


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    keygen(tmp_path / "key.pem")
    return tmp_path


def test_a_zip_flies(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert _build(folder, ZIPS / "a2c/model.zip")[0] == 0
    args = ["--trust", str(folder / "key.pub"), "--env", "Pendulum-v0", "--episodes", "2"]
    assert edge(["run", str(folder / "it.plasma"), *args, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["env"] == "Pendulum-v1"
    assert result["steps"] == 400
    assert result["faults"] == 0


def test_statistics_are_named_or_denied(folder: Path) -> None:
    zipped = shutil.copy(ZIPS / "a2c/model.zip", folder / "model.zip")
    code, output = _build(folder, zipped)
    assert code == 1
    assert "--vec-normalize FILE" in output
    named = str(ZIPS / "a2c/vecnormalize.pkl")
    assert _build(folder, zipped, "--vec-normalize", named)[0] == 0
    with_them = (folder / "it.plasma").read_bytes()
    assert _build(folder, zipped, "--vec-normalize", "none")[0] == 0
    assert (folder / "it.plasma").read_bytes() != with_them


def test_frames_are_stacked_on_the_robot(folder: Path) -> None:
    model = sb3.PPO("MlpPolicy", Nowhere(box(6), box(2)), device="cpu")
    assert _build(folder, agents.saved(model, folder), "--frame-stack", "3")[0] == 0
    policy = pe.Policy.load(folder / "it.plasma", trust=folder / "key.pub")
    assert policy.inputs[0].shape == (2,)


def test_a_zip_s_environment_measures_its_weights(folder: Path) -> None:
    source = ZIPS / "ppo/model.zip"
    code, output = _build(folder, source, "--env", "CartPole-v1", "--max-error", "0.9")
    assert code == 0
    assert "int8" in output
