# SPDX-License-Identifier: Apache-2.0
"""Every world learns a small real plant better than it would by believing that nothing happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from plasma_trainer.cli import app
from plasma_trainer.data import Log, Trajectory, collect_log, random_act
from plasma_trainer.envs import make_pixel_plant, make_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import drift, evaluate_world, open_loop
from plasma_trainer.pipelines.evaluate_world import (
    Row,
    WorldsArgs,
    evaluate_worlds,
    headings,
    table,
)
from plasma_trainer.pipelines.families import PIXEL_WORLDS, STEADY, new_world
from plasma_trainer.pipelines.fit_world import FitArgs, fit_world
from plasma_trainer.pipelines.open_loop import Scales, judge
from plasma_trainer.pipelines.strips import imagined_frames, real_frames, save_film, save_strip
from plasma_trainer.world_models import Still, Vae, World

QUIET = Console(quiet=True)
ARGS = WorldsArgs("Pendulum-v1", real_steps=2500, updates=250, batch=8, length=16)


@pytest.fixture(autouse=True, scope="module")
def fewer_starts() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_loop, "MOST_STARTS", 30)
        patch.setattr(open_loop, "MOST_PIXEL_STARTS", 20)
        yield


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Row]]:
    out = tmp_path_factory.mktemp("worlds")
    return out, {row.world: row for row in evaluate_worlds(ARGS, None, "cpu", out, QUIET)}


@pytest.mark.parametrize("name", ["ensemble", "mdn-rnn", "rssm"])
def test_learns_the_pendulum_better_than_that_it_stands_still(
    judged: tuple[Path, dict[str, Row]], name: str
) -> None:
    learnt, still = judged[1][name].judgement, judged[1]["still"].judgement
    assert learnt.error[1] < 0.7 * still.error[1]
    assert learnt.error[10] < 0.5 * still.error[10]
    assert learnt.reward_error < 0.7 * still.reward_error
    assert 0.6 < learnt.coverage <= 1.0


def test_the_table_is_written_down_and_neither_learnt_nor_judged_twice(
    judged: tuple[Path, dict[str, Row]], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, rows = judged
    written = json.loads((out / "worlds.json").read_text())
    assert list(written) == sorted(rows)
    assert written["rssm"]["judgement"]["error"]["1"] == rows["rssm"].judgement.error[1]
    monkeypatch.setattr(evaluate_world, "judge", None)
    again = evaluate_worlds(ARGS, ("ensemble",), "cpu", out, QUIET)
    assert again == [rows["ensemble"]]


def test_a_memory_knows_what_an_observation_hides(tmp_path: Path) -> None:
    """The pendulum without its velocity: members agree and are wrong, a memory is right."""
    plant = make_plant("Pendulum-v1", max_episode_steps=60)
    log = collect_log(plant, random_act(plant.action_space, 0), 2000, seed=0, longest=60)
    blind = Log(tuple(Trajectory(e.obs[:, :2], e.action, e.reward, False) for e in log.episodes))
    train, held_out, test = blind.split((0.7, 0.15, 0.15), seed=0)
    errors = {}
    for name in ("ensemble", "mdn-rnn"):
        torch.manual_seed(0)
        world = new_world(name, (2,), plant.action_space)
        world.adopt(train.whole())
        args = FitArgs(name, updates=250, batch=8, length=16)
        fit_world(world, train, held_out, args, tmp_path / name, QUIET)
        errors[name] = judge(world, test, Scales.of(train), seed=0).error[1]
    assert errors["mdn-rnn"] < 0.5 * errors["ensemble"]


@pytest.fixture(scope="module")
def frames() -> tuple[Log, ...]:
    plant = make_pixel_plant("Pendulum-v1", size=16, max_episode_steps=40)
    log = collect_log(plant, random_act(plant.action_space, 0), 800, seed=0, longest=40)
    return log.split((0.7, 0.15, 0.15), seed=0)


def learnt(model: World | Vae, frames: tuple[Log, ...], updates: int, out: Path) -> None:
    args = FitArgs("test", updates=updates, batch=8, length=12, learning_rate=2e-3)
    fit_world(model, frames[0], frames[1], args, out, QUIET)


def test_a_vae_gives_back_frames_better_than_their_mean(
    frames: tuple[Log, ...], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    vae = Vae(3, 16, 16, latent_dim=6, hidden_channels=8)
    vae.adopt(frames[0].whole())
    learnt(vae, frames, 300, tmp_path)
    train, test = (
        torch.from_numpy(np.concatenate([e.obs for e in log.episodes])) for log in frames[::2]
    )
    back = vae.reconstruct(test)
    assert back.dtype == torch.uint8
    assert vae.get_latent(test).shape == (len(test), 6)
    mean = train.float().mean(0)
    assert (back.float() - test).square().mean() < 0.3 * (mean - test).square().mean()


def test_a_world_of_pixels_is_better_than_a_still_picture_and_can_be_looked_at(
    frames: tuple[Log, ...], tmp_path: Path
) -> None:
    torch.manual_seed(0)
    plant = make_plant("Pendulum-v1")
    world = new_world("rssm", (3, 16, 16), plant.action_space)
    world.adopt(frames[0].whole())
    learnt(world, frames, 150, tmp_path / "rssm")
    scales, still = Scales.of(frames[0]), Still((3, 16, 16), 1, discrete=False)
    judgements = [judge(w, frames[2], scales, seed=0) for w in (world, still)]
    assert judgements[0].psnr[10] > judgements[1].psnr[10] + 1.0  # dB
    episode = frames[2].episodes[0]
    rows = {"real": real_frames(episode, 20), "rssm": imagined_frames(world, episode, 20, seed=0)}
    assert rows["real"].shape == rows["rssm"].shape == (21, 16, 16, 3)
    save_strip(rows, tmp_path / "strip.png")
    save_film(rows, tmp_path / "film.gif")
    with Image.open(tmp_path / "strip.png") as strip, Image.open(tmp_path / "film.gif") as film:
        assert strip.height > 2 * 32
        assert film.n_frames == 21


def test_the_command_prints_a_line_per_world(tmp_path: Path) -> None:
    options = ["--env", "CartPole-v1", "--real-steps", "300", "--updates", "5", "--batch", "4"]
    run = CliRunner().invoke
    command = ["evaluate-world", *options, "--out", str(tmp_path), "--worlds"]
    result = run(app, [*command, "still,ensemble"])
    assert result.exit_code == 0, result.output
    assert "ensemble" in result.output and "still" in result.output
    refused = run(app, [*command, "vae+mdn-rnn"])
    assert refused.exit_code == 2
    assert "choose from still, ensemble, mdn-rnn, rssm" in " ".join(refused.stderr.split())


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Row]]:
    """Every world of frames, hardly fitted."""
    out = tmp_path_factory.mktemp("drawn")
    args = WorldsArgs(
        "Pendulum-v1", pixels=True, size=16, real_steps=800, updates=2, batch=2, length=4
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(open_loop, "MOST_PIXEL_STARTS", 2)
        patch.setattr(open_loop, "PATHS", 2)
        patch.setattr(open_loop, "TEMPERATURES", (1.0, 2.0))
        patch.setattr(drift, "PATHS", 2)
        patch.setattr(evaluate_world, "PLACES", 2)
        return out, {row.world: row for row in evaluate_worlds(args, None, "cpu", out, QUIET)}


def test_six_families_draw_on_one_table_beside_reality(drawn: tuple[Path, dict[str, Row]]) -> None:
    out, rows = drawn
    assert list(rows) == [*PIXEL_WORLDS, "real"]
    assert (out / "strip.png").exists()
    written = json.loads((out / "worlds.json").read_text())
    for name, row in rows.items():
        assert row.drift is not None and row.obeys is not None
        assert set(row.drift.drift) == {50, 200} and None not in row.drift.drift.values()
        assert Row.read(written[name]) == row
    assert rows["real"].obeys == 1.0
    assert rows["still"].obeys == pytest.approx(1 / 3)
    assert rows["real"].drift.drift[200] == pytest.approx(rows["still"].drift.drift[200], rel=0.5)
    sheet = table("frames", list(rows.values()))
    assert [str(c.header) for c in sheet.columns] == headings(pixels=True)


def test_a_steady_world_is_the_same_fit(drawn: tuple[Path, dict[str, Row]]) -> None:
    _, rows = drawn
    for name in ("eye+ensemble", "vae+mdn-rnn"):
        free, steady = rows[name], rows[name + STEADY]
        assert steady.parameters == free.parameters
        assert steady.updates == free.updates > 0
        assert steady.cpu_seconds == free.cpu_seconds  # read back, not fitted again


def test_there_are_no_worlds_of_other_names() -> None:
    with pytest.raises(UsageError, match="choose from still, eye"):
        new_world("ensemble", (3, 64, 64), make_plant("CartPole-v1").action_space)
