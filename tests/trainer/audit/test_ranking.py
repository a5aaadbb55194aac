# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from plasma_trainer.audit.ranking import (
    iqm,
    probability_of_improvement,
    rank_correlation,
    stability,
    standings,
)


def episodes(means: list[float], noise: float, count: int = 40) -> np.ndarray:
    generator = np.random.default_rng(0)
    return np.array(means)[:, None] + noise * generator.standard_normal((len(means), count))


def test_the_interquartile_mean_minds_no_odd_episode() -> None:
    returns = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 1e9])
    assert iqm(returns) == pytest.approx(4.5)


def test_a_better_policy_wins_more_often_and_ties_count_half() -> None:
    assert probability_of_improvement(np.array([2.0, 3.0]), np.array([1.0, 0.0])) == 1.0
    assert probability_of_improvement(np.array([1.0, 3.0]), np.array([1.0, 2.0])) == 0.625
    assert probability_of_improvement(np.ones(4), np.ones(9)) == 0.5


def test_policies_that_are_far_apart_have_ranks_without_doubt() -> None:
    found = standings(episodes([0.0, 100.0, 50.0], noise=1.0), seed=0)
    assert [s.rank for s in found] == [3, 1, 2]
    assert [s.rank_interval for s in found] == [(3, 3), (1, 1), (2, 2)]
    for standing in found:
        low, high = standing.iqm_interval
        assert low < standing.iqm < high


def test_policies_that_are_close_share_their_ranks() -> None:
    found = standings(episodes([0.0, 0.01], noise=1.0), seed=0)
    assert {s.rank_interval for s in found} == {(1, 2)}


def test_the_luck_of_a_start_that_all_share_blurs_nothing() -> None:
    luck = 1000.0 * np.random.default_rng(1).standard_normal(40)
    found = standings(episodes([0.0, 10.0], noise=1.0) + luck, seed=0)
    assert [s.rank_interval for s in found] == [(2, 2), (1, 1)]


def test_equals_share_the_better_rank() -> None:
    assert [s.rank for s in standings(np.full((3, 8), 500.0), seed=0)] == [1, 1, 1]


def test_an_order_is_stable_when_half_of_the_episodes_would_do() -> None:
    assert stability(episodes([0.0, 10.0, 20.0], noise=1.0), seed=0) == 1.0
    assert stability(episodes([0.0, 0.0, 0.0], noise=1.0), seed=0) < 0.5


def test_scores_that_tell_nothing_apart_correlate_with_nothing_that_does() -> None:
    same, rising = np.ones(3), np.arange(3.0)
    assert rank_correlation(rising, -rising) == pytest.approx(-1.0)
    assert rank_correlation(same, rising) == 0.0
    assert rank_correlation(same, same) == 1.0
