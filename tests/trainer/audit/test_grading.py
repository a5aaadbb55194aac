# SPDX-License-Identifier: Apache-2.0
import numpy as np
import pytest

from plasma_trainer.audit.grading import (
    auroc,
    false_block,
    precision,
    recall,
    regret,
    with_interval,
)

EXPLOITED = np.array([True] * 20 + [False] * 20)


def test_a_detector_is_worth_the_pairs_it_orders() -> None:
    assert auroc(np.arange(40.0)[::-1], EXPLOITED) == 1.0
    assert auroc(np.arange(40.0), EXPLOITED) == 0.0
    assert auroc(np.ones(40), EXPLOITED) == 0.5
    assert np.isnan(auroc(np.ones(40), np.zeros(40, bool)))


def test_precision_counts_the_blocked_and_recall_the_exploited() -> None:
    blocked = np.array([True] * 10 + [False] * 25 + [True] * 5)
    assert precision(blocked, EXPLOITED) == pytest.approx(10 / 15)
    assert recall(blocked, EXPLOITED) == 0.5
    assert np.isnan(precision(np.zeros(40, bool), EXPLOITED))


def test_false_blocks_are_counted_where_nineteen_of_twenty_are_caught() -> None:
    scores = np.concatenate([np.arange(20.0), np.linspace(0.5, 1.5, 20)])
    assert false_block(scores, EXPLOITED) == 0.5  # the threshold is 1: the lowest one escapes


def test_regret_is_the_share_of_the_range_that_a_choice_costs() -> None:
    assert regret(np.array([1.0, 3.0, 2.0]), np.array([0.0, 8.0, 10.0])) == pytest.approx(0.2)
    assert regret(np.array([1.0, 3.0]), np.array([5.0, 5.0])) == 0.0


def test_an_interval_draws_whole_groups() -> None:
    scores = np.concatenate([np.ones(20), np.zeros(20)])
    scores[0], scores[20] = -1.0, 2.0
    alone = with_interval(auroc, np.arange(40), scores, EXPLOITED)
    together = with_interval(auroc, np.arange(40) % 4, scores, EXPLOITED)
    assert alone.low < alone.value < alone.high
    assert together.value == alone.value
    assert (together.low, together.high) != (alone.low, alone.high)
