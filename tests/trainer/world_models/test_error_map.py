# SPDX-License-Identifier: Apache-2.0
"""A world that draws a dot too faintly, beside a sensor that flickers: what is predicted, and what is a surprise."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from plasma_trainer.data import Log, Trajectory
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models import ErrorPredictor
from plasma_trainer.world_models.error_map import error_map, pair, unpair

SIZE, STEPS = 16, 40
DOT, FLICKER = (slice(2, 6), slice(2, 6)), (slice(10, 14), slice(10, 14))


def pairs(seed: int) -> Log:
    """The dot is foretold half as bright as it is, always; the flicker is never foretold. Action 1 lights a corner."""
    rng = np.random.default_rng(seed)
    pictures = np.zeros((STEPS + 1, 1, SIZE, SIZE), np.uint8)
    frames = pictures.copy()
    action = rng.integers(2, size=STEPS)
    pictures[:, 0, *DOT], frames[:, 0, *DOT] = 100, 200
    frames[:, 0, *FLICKER] = rng.integers(256, size=(STEPS + 1, 4, 4))
    frames[1:, 0, 0:2, 12:16] = 200 * action[:, None, None]
    obs = pair(torch.from_numpy(pictures).float(), torch.from_numpy(frames)).numpy()
    return Log((Trajectory(obs, action, np.zeros(STEPS, np.float32), terminated=False),))


@pytest.fixture(scope="module")
def predictor() -> ErrorPredictor:
    torch.manual_seed(0)
    fitted = ErrorPredictor((1, SIZE, SIZE), 2, discrete=True)
    batch = pairs(0).whole()
    fitted.adopt(batch)
    optimizer = torch.optim.Adam(fitted.parameters(), 3e-3)
    for _ in range(150):
        loss, _ = fitted.loss(batch, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    fitted.calibrate(pairs(1).whole())
    return fitted


def held_out() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    columns = pairs(2).whole().transitions()
    pictures, frames = unpair(columns["next_obs"])
    return pictures, columns["action"], frames


def test_a_pair_is_kept_and_parted() -> None:
    pictures, frames = torch.full((2, 3, 4, 4), 1.6), torch.ones(2, 3, 4, 4, dtype=torch.uint8)
    kept = unpair(pair(pictures, frames))
    assert [x.dtype for x in kept] == [torch.uint8] * 2
    assert (kept[0] == 2).all()
    assert torch.equal(kept[1], frames)


def test_what_is_always_wrong_alike_is_no_error_and_what_is_random_is(
    predictor: ErrorPredictor,
) -> None:
    pictures, action, frames = held_out()
    maps = predictor.maps(pictures, action, frames)
    predicted = maps.predicted.mean(0)
    plain = error_map(pictures, frames).mean(0)
    assert plain[DOT].mean() > 0.3
    assert predicted[DOT].mean() < 0.1
    assert predicted[FLICKER].mean() > 0.15
    assert maps.surprise.mean(0)[FLICKER].mean() < 2.0


def test_predicted_errors_are_as_great_as_observed_ones_once_calibrated(
    predictor: ErrorPredictor,
) -> None:
    pictures, action, frames = held_out()
    maps = predictor.maps(pictures, action, frames)
    assert float(maps.observed.mean() / maps.predicted.mean()) == pytest.approx(1.0, abs=0.3)


def test_a_dot_that_is_missing_is_a_surprise_though_its_plain_error_is_no_greater(
    predictor: ErrorPredictor,
) -> None:
    pictures, action, frames = held_out()
    blank = frames.clone()
    blank[:, 0, *DOT] = 0
    gone, usual = error_map(pictures, blank), error_map(pictures, frames)
    assert torch.allclose(gone[:, *DOT], usual[:, *DOT])
    surprise = predictor.maps(pictures, action, blank).surprise
    assert (surprise[:, 3:5, 3:5] > predictor.pixel_alarm).all()
    assert predictor.doubt(pictures, action, blank).all()
    assert predictor.doubt(pictures, action, frames).float().mean() < 0.2


def test_what_an_action_lights_is_expected_after_that_action_only(
    predictor: ErrorPredictor,
) -> None:
    pictures, action, frames = held_out()
    corner = (slice(None), slice(0, 2), slice(13, 16))
    usual = predictor.maps(pictures, action, frames).surprise[corner].mean()
    other = predictor.maps(pictures, 1 - action, frames).surprise[corner].mean()
    assert other > 3 * usual


def test_frames_that_do_not_fall_into_patches_are_refused() -> None:
    with pytest.raises(UsageError, match="divisible by 4"):
        ErrorPredictor((3, 30, 32), 2, discrete=True)
