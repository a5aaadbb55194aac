# SPDX-License-Identifier: Apache-2.0
"""A log of a broken plant becomes an adapter for it, or is refused."""

from pathlib import Path

import gymnasium as gym
import pytest
from rich.console import Console
from typer.testing import CliRunner

import plasma_edge as pe
import plasma_pack
from plasma_trainer.cli import app
from plasma_trainer.data import Recording, collect_log, random_act, save_minari
from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError, UselessAdapterError
from plasma_trainer.pipelines import adapt_log, examine, offline
from plasma_trainer.pipelines.adapt_log import AdaptLogArgs, adapt_from_log
from plasma_trainer.pipelines.export import export_adapter, export_base
from plasma_trainer.pipelines.skills import load_skill
from tests.trainer.reports import a_report

LOG = "broken/log-v0"


@pytest.fixture(autouse=True)
def logs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path / "minari"))
    monkeypatch.setattr(offline, "ROUND", 1)


def log_of(env_id: str, steps: int) -> None:
    plant = make_plant(env_id, "reversed")
    log = collect_log(plant, random_act(plant.action_space, 0), steps, seed=0, longest=60)
    save_minari(Recording(log, plant.observation_space, plant.action_space, env_id), LOG, "broken")


def judged(monkeypatch: pytest.MonkeyPatch, *audited: float) -> None:
    """The audit would say this, round by round, and then of the base: what is learnt here is not enough to say it."""
    said = list(audited)
    for module in (offline, adapt_log):
        report = lambda *_: (a_report(imagined_return=said.pop(0)), None)  # noqa: E731
        monkeypatch.setattr(module, "examine", report)
    monkeypatch.setattr(examine, "AUDITOR_UPDATES", 5)


def test_an_adapter_from_a_log_is_signed_and_flies_where_it_is_known(
    trained_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of("CartPole-v1", 150)
    judged(monkeypatch, 90.0, 80.0, 10.0)
    out = tmp_path / "mended"
    asked = [
        "adapt",
        str(trained_run),
        "--from-minari",
        LOG,
        "--out",
        str(out),
        "--iterations",
        "2",
    ]
    result = CliRunner().invoke(app, [*asked, "--variant", "reversed"])
    assert result.exit_code == 0, result.output
    assert "audited return 90.0, the base's 10.0" in " ".join(result.output.split())
    skill, key = load_skill(out), tmp_path / "key.pem"
    assert (skill.env, skill.variant) == ("CartPole-v1", "reversed")
    plasma_pack.keygen(key, comment="test")
    base, packet = tmp_path / "base.plasma", tmp_path / "mended.plasma"
    export_base(load_skill(trained_run), key, base, None)
    export_adapter(skill, base, key, packet, None)
    policy = pe.Policy.load(base, trust=key.with_suffix(".pub"))
    policy.attach(packet)
    assert policy(gym.make("CartPole-v1").reset(seed=0)[0]) in (0, 1)


def test_a_log_of_a_plant_that_nobody_named_is_learnt_from_and_not_flown(
    trained_run: Path, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of("CartPole-v1", 150)
    judged(monkeypatch, 90.0, 10.0)
    adapt_from_log(AdaptLogArgs(str(trained_run), LOG, iterations=1), tmp_path / "run", quiet)
    skill = load_skill(tmp_path / "run")
    with pytest.raises(UsageError, match="names no environment"):
        skill.plant()


def test_an_adapter_that_wins_nothing_is_not_saved(
    trained_run: Path, tmp_path: Path, quiet: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    log_of("CartPole-v1", 150)
    judged(monkeypatch, 10.0, 10.0)
    with pytest.raises(UselessAdapterError, match="nothing was saved"):
        adapt_from_log(AdaptLogArgs(str(trained_run), LOG, iterations=1), tmp_path / "run", quiet)
    assert not (tmp_path / "run/adapter").exists()
    with pytest.raises(UsageError, match="not finished"):
        load_skill(tmp_path / "run")


def test_a_log_of_another_task_is_refused(
    trained_run: Path, tmp_path: Path, quiet: Console
) -> None:
    log_of("Pendulum-v1", 60)
    with pytest.raises(UsageError, match="expected a log of CartPole-v1"):
        adapt_from_log(AdaptLogArgs(str(trained_run), LOG), tmp_path / "run", quiet)


def test_the_command_line_wants_a_variant_or_a_log_and_a_rank(
    trained_run: Path, tmp_path: Path
) -> None:
    asked = ["adapt", str(trained_run), "--out", str(tmp_path / "run")]
    for more, message in (
        ([], "pass --variant SPEC"),
        (["--from-minari", LOG, "--rank", "auto"], "pass a number"),
    ):
        result = CliRunner().invoke(app, [*asked, *more])
        assert result.exit_code == 2
        assert message in " ".join(result.output.split())
