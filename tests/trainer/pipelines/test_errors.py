# SPDX-License-Identifier: Apache-2.0
"""From a run on a real CartPole behind its camera to a picture of its errors; how well defects are found is not asked
here."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from rich.console import Console
from typer.testing import CliRunner

from plasma_trainer.audit.grading import Figure
from plasma_trainer.cli import app
from plasma_trainer.data import collect_log, random_act
from plasma_trainer.envs import DEFECTS, background, make_pixel_plant
from plasma_trainer.pipelines.errors import ErrorsArgs, study
from plasma_trainer.pipelines.pixels import PixelArgs, PixelSkill, load_pixels, train_pixels
from plasma_trainer.pipelines.surprise import Foretold, Spoilt, find, foretell, look_through
from plasma_trainer.world_models import ErrorPredictor
from plasma_trainer.world_models.error_map import ErrorMaps, unpair

ARGS = PixelArgs(
    "CartPole-v1", 1e6, real_steps=60, random_steps=40, block_steps=20, iterations=1, eye_updates=5
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory, quiet: Console) -> Path:
    out = tmp_path_factory.mktemp("seen")
    train_pixels(ARGS, out, quiet)
    return out


@pytest.fixture(scope="module")
def skill(run: Path, quiet: Console) -> PixelSkill:
    return load_pixels(run, quiet)


def test_a_world_foretells_each_frame_from_those_before_it(skill: PixelSkill) -> None:
    world, plant = skill.learner.through, make_pixel_plant("CartPole-v1")
    log = collect_log(plant, random_act(plant.action_space, 1), 20, 1, 20)
    world.temperature.fill_(0.7)
    pairs = foretell(world, log, 0)
    assert float(world.temperature) == pytest.approx(0.7)
    pictures, frames = unpair(torch.from_numpy(pairs.episodes[0].obs))
    assert np.array_equal(frames.numpy(), log.episodes[0].obs)
    other = log.episodes[0].obs.copy()
    other[5] = 0  # seen only after it was foretold
    blank = type(log)((type(log.episodes[0])(other, *list(vars(log.episodes[0]).values())[1:]),))
    changed, _ = unpair(torch.from_numpy(foretell(world, blank, 0).episodes[0].obs))
    assert torch.equal(changed[:6], pictures[:6])
    assert not torch.equal(changed[6], pictures[6])


def test_maps_and_masks_are_of_the_same_steps(skill: PixelSkill) -> None:
    world, plant = skill.learner.through, make_pixel_plant("CartPole-v1")
    log = collect_log(plant, random_act(plant.action_space, 2), 60, 2, 50)
    predictor = ErrorPredictor(world.obs_shape, world.action_size, world.discrete)
    behind = background(np.concatenate([e.obs for e in log.episodes]))
    spoilt = look_through(world, predictor, log, "missing object", behind, 0)
    clean = torch.from_numpy(np.concatenate([e.obs[1:] for e in log.episodes]))
    differs = (spoilt.seen.frames != clean).any(1)
    assert spoilt.where.any()
    assert (spoilt.where <= differs).all()


def test_a_map_that_shows_a_defect_finds_it_and_one_that_does_not_does_not() -> None:
    steps, side = 12, 16
    where = torch.zeros(steps, side, side, dtype=torch.bool)
    where[::2, 4:12, 4:12] = True
    flat, frames = (
        torch.ones(steps, side, side),
        torch.zeros(steps, 3, side, side, dtype=torch.uint8),
    )
    clean = Foretold(frames, frames, flat, ErrorMaps(flat, flat))
    spoilt = Spoilt(Foretold(frames, frames, flat, ErrorMaps(flat, flat + 9.0 * where)), where)
    predictor = ErrorPredictor((3, side, side), 1, discrete=False)
    predictor.pixel_alarm.fill_(4.9)  # at a corner of the defect, four of nine pixels show it
    found = find(spoilt, clean, predictor, 4.9, torch.arange(steps) // 3)
    assert found.frames == steps // 2
    assert found.auroc == Figure(1.0, 1.0, 1.0)
    assert found.iou == Figure(1.0, 1.0, 1.0)
    assert found.plain_auroc.value == pytest.approx(0.5)
    assert found.plain_iou.value == 0.0


def test_the_study_ends_in_a_table_a_picture_and_figures_and_is_not_done_twice(
    run: Path, tmp_path: Path, quiet: Console
) -> None:
    args = ErrorsArgs(str(run), real_steps=120, updates=3)
    errors = study(args, tmp_path, quiet)
    assert set(errors.found) == set(DEFECTS)
    kept = json.loads((tmp_path / "result.json").read_text())
    assert kept["found"]["missing object"]["frames"] == errors.found["missing object"].frames
    with Image.open(tmp_path / "errors.png") as picture:
        assert picture.height == 18 + 5 * 128
    fitted = (tmp_path / "predictor/result.json").read_bytes()
    assert study(args, tmp_path, quiet) == errors
    assert (tmp_path / "predictor/result.json").read_bytes() == fitted


def test_a_run_that_does_not_see_has_no_pictures_to_be_wrong_about(
    trained_run: Path, tmp_path: Path
) -> None:
    result = CliRunner().invoke(app, ["errors", str(trained_run), "--out", str(tmp_path)])
    assert result.exit_code == 2
    assert "solve-pixels" in result.stderr
