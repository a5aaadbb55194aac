# SPDX-License-Identifier: Apache-2.0
"""Defects of a camera, injected into real frames of a pendulum."""

from __future__ import annotations

import numpy as np
import pytest

from plasma_trainer.data import collect_log, random_act
from plasma_trainer.envs import DEFECTS, background, make_pixel_plant, spoil
from plasma_trainer.errors import UsageError

STEPS = 30


@pytest.fixture(scope="module")
def frames() -> np.ndarray:
    plant = make_pixel_plant("Pendulum-v1")
    log = collect_log(plant, random_act(plant.action_space, 0), STEPS, 0, STEPS)
    return log.episodes[0].obs


@pytest.fixture(scope="module")
def behind(frames: np.ndarray) -> np.ndarray:
    return background(frames)


@pytest.mark.parametrize("defect", DEFECTS)
def test_a_defect_changes_a_window_and_nothing_before_it_began(
    defect: str, frames: np.ndarray, behind: np.ndarray
) -> None:
    seen = []
    for seed in range(8):
        spoilt, where = spoil(frames, defect, behind, seed)
        changed = (spoilt != frames).any((0, 1))
        rows, columns = np.nonzero(changed)
        assert np.ptp(rows) < 24
        assert np.ptp(columns) < 24
        assert not where[:2].any()
        assert (where <= (spoilt != frames).any(1)).all()
        seen.append(where.any())
    assert np.mean(seen) > 0.5


def test_equal_seeds_spoil_alike_and_the_frames_stay_as_they_were(
    frames: np.ndarray, behind: np.ndarray
) -> None:
    before = frames.copy()
    once, again, other = (spoil(frames, "missing object", behind, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(once, again)
    assert not np.array_equal(once, other)
    assert np.array_equal(frames, before)


def test_a_frozen_patch_shows_what_was_there_before_it_froze(
    frames: np.ndarray, behind: np.ndarray
) -> None:
    spoilt, where = spoil(frames, "frozen patch", behind, 3)
    begin = int(where.any((1, 2)).argmax())
    pixels = where[begin:].any(0)
    assert pixels.any()
    assert (spoilt[begin:, :, pixels] == spoilt[begin, :, pixels].T[None]).all()


def test_a_missing_object_leaves_the_background(frames: np.ndarray, behind: np.ndarray) -> None:
    spoilt, where = spoil(frames, "missing object", behind, 0)
    times, rows, columns = np.nonzero(where)
    assert len(times)
    assert (spoilt[times, :, rows, columns] == behind[:, rows, columns].T).all()


def test_what_cannot_be_spoilt_is_refused(frames: np.ndarray, behind: np.ndarray) -> None:
    with pytest.raises(UsageError, match="choose one of frozen patch"):
        spoil(frames, "scratch", behind, 0)
    with pytest.raises(UsageError, match="0 pixels of which move"):
        spoil(np.broadcast_to(behind, frames.shape), "frozen patch", behind, 0)
