# SPDX-License-Identifier: Apache-2.0
"""The judge, judged: worlds whose figures are known beforehand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from plasma_trainer.data import Log, Trajectory
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.open_loop import (
    HORIZONS,
    Scales,
    area_under_curve,
    calibrate,
    judge,
    spearman,
)
from plasma_trainer.world_models import Imagined, Still


class Walk(Still):
    """A random walk with steps of `size`; `drift` is added to each. The truth has size 1 and no drift."""

    def __init__(self, size: float, drift: float = 0.0) -> None:
        super().__init__((1,), 2, discrete=True)
        self.size, self.drift = size, drift

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        step = super().imagine(state, action, generator)
        noise = torch.randn(state.shape, generator=generator) * self.temperature.sqrt()
        return step._replace(state=state + self.size * noise + self.drift)


def walks(episodes: int, steps: int = 60, size: float = 1.0, terminated: bool = False) -> Log:
    rng = np.random.default_rng(3)
    return Log(
        tuple(
            Trajectory(
                np.cumsum(rng.normal(0, size, (steps + 1, 1)), 0).astype(np.float32),
                np.zeros(steps, np.int64),
                rng.normal(size=steps).astype(np.float32),
                terminated,
            )
            for _ in range(episodes)
        )
    )


@pytest.fixture(scope="module")
def log() -> Log:
    return walks(60)


def test_errors_are_root_mean_squares_in_deviations_of_the_observation() -> None:
    still = walks(10, size=0.0)
    scales = Scales(torch.tensor([2.0]), 1.0)
    judgement = judge(Walk(0.0, drift=0.5), still, scales, seed=0)
    assert judgement.error[1] == pytest.approx(0.25)
    assert judgement.error[10] == pytest.approx(2.5)
    assert judgement.error[50] == pytest.approx(12.5)
    assert judgement.error[200] is None  # the episodes are too short to tell
    assert judgement.psnr is None
    assert set(judgement.error) == set(HORIZONS)


def test_a_world_is_calibrated_when_reality_is_one_of_its_paths(log: Log) -> None:
    scales = Scales.of(log)
    right, sure, timid = (judge(Walk(size), log, scales, seed=0) for size in (1.0, 0.3, 4.0))
    assert right.coverage == pytest.approx(0.9, abs=0.06)
    assert right.calibration < 0.05
    assert sure.coverage < 0.5
    assert timid.coverage > 0.99
    assert min(sure.calibration, timid.calibration) > 0.2


def test_calibrating_finds_the_temperature_that_was_missing(log: Log) -> None:
    world = Walk(0.5)
    calibrate(world, log, Scales.of(log), seed=0)
    assert world.temperature == 4.0  # half the steps, a quarter of the variance
    honest = Walk(1.0)
    calibrate(honest, log, Scales.of(log), seed=0)
    assert 0.7 <= honest.temperature <= 1.4


def test_a_reward_error_of_one_is_knowing_the_mean(log: Log) -> None:
    world = Walk(1.0)
    world.adopt(log.whole())
    assert judge(world, log, Scales.of(log), seed=0).reward_error == pytest.approx(1.0, abs=0.1)


def test_belief_in_an_end_is_compared_with_the_steps_that_were_one() -> None:
    class Doomed(Walk):
        def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
            step = super().imagine(state, action, generator)
            return step._replace(end_logit=step.state[:, 0])

    counting = Log(
        tuple(
            Trajectory(
                np.arange(31, dtype=np.float32)[:, None],
                np.zeros(30, np.int64),
                np.zeros(30, np.float32),
                terminated=True,
            )
            for _ in range(3)
        )
    )
    scales = Scales.of(counting)
    assert judge(Doomed(0.0, drift=1.0), counting, scales, seed=0).end_auc == 1.0
    assert judge(Walk(0.0), counting, scales, seed=0).end_auc == 0.5
    assert judge(Walk(0.0), walks(3), scales, seed=0).end_auc is None


def test_area_under_curve_and_rank_correlation() -> None:
    score, positive = torch.tensor([1.0, 2.0, 2.0, 3.0]), torch.tensor([0, 0, 1, 1]).bool()
    assert area_under_curve(score, positive) == pytest.approx(3.5 / 4)
    assert area_under_curve(score, torch.ones(4).bool()) is None
    a = torch.tensor([1.0, 2.0, 3.0, 4.0])
    assert spearman(a, a.exp()) == pytest.approx(1.0)
    assert spearman(a, -a) == pytest.approx(-1.0)
    assert spearman(a, torch.ones(4)) is None


def test_episodes_that_are_too_short_to_judge_by_are_refused() -> None:
    with pytest.raises(UsageError, match="longer than 8 steps"):
        judge(Walk(1.0), walks(3, steps=8), Scales(torch.ones(1), 1.0), seed=0)
