# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import numpy as np
import pytest
import torch

from plasma_trainer.data import Log, Trajectory
from plasma_trainer.pipelines.drift import HORIZONS, distance, frames_per_second, measure_drift
from plasma_trainer.pipelines.open_loop import CONTEXT, Scales
from plasma_trainer.world_models import Still

SHAPE = (3, 4, 4)


def log(steps: int, episodes: int = 2) -> Log:
    """Made-up frames and rewards."""
    rng = np.random.default_rng(0)
    return Log(
        tuple(
            Trajectory(
                rng.integers(0, 256, (steps + 1, *SHAPE)).astype(np.uint8),
                rng.integers(2, size=steps),
                rng.normal(size=steps).astype(np.float32),
                terminated=False,
            )
            for _ in range(episodes)
        )
    )


def test_real_frames_have_no_distance_and_others_that_from_the_nearest() -> None:
    known = log(12)
    scales = Scales.of(known)
    frames = torch.from_numpy(known.episodes[1].obs[3:6]).float()
    assert distance(frames, known, scales) == pytest.approx(0.0, abs=1e-6)
    other = frames.clone()
    other[:, 0] += 2.0  # one channel of three
    expected = 2.0 * 3**-0.5 / float(scales.obs)
    assert distance(other, known, scales) == pytest.approx(expected, rel=0.05)


def test_a_still_world_does_not_drift_and_promises_the_mean_reward() -> None:
    real = log(CONTEXT + max(HORIZONS))
    world = Still(SHAPE, 2, discrete=True)
    world.adopt(real.whole())
    drift = measure_drift(world, real, real, Scales.of(real), seed=0)
    assert set(drift.drift) == set(HORIZONS)
    assert all(d == pytest.approx(0.0, abs=1e-6) for d in drift.drift.values())
    scale = float(np.concatenate([e.reward for e in real.episodes]).std())
    later = np.mean([e.reward[CONTEXT:] for e in real.episodes])
    expected = (float(world.mean_reward) - later) / scale
    assert drift.reward_bias == pytest.approx(expected, abs=1e-3)
    assert frames_per_second(world, real) > 0


def test_short_episodes_cannot_tell() -> None:
    real = log(CONTEXT + max(HORIZONS) - 1)
    world = Still(SHAPE, 2, discrete=True)
    drift = measure_drift(world, real, real, Scales.of(real), seed=0)
    assert drift.reward_bias is None and set(drift.drift.values()) == {None}
