# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import numpy as np
import pytest

from plasma_trainer.envs import make_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import evaluate as module
from plasma_trainer.pipelines.evaluate import (
    Returns,
    agreement,
    evaluate,
    load_packet,
    midstride,
    passes,
)


def push_right(obs: np.ndarray) -> np.int64:
    return np.int64(1)


def test_the_lower_bound_is_below_the_mean_by_the_doubt_of_few_episodes() -> None:
    returns = Returns.of(np.array([100.0, 300.0]))
    assert (returns.mean, returns.worst, returns.episodes) == (200.0, 100.0, 2)
    assert returns.low == pytest.approx(200.0 - 1.645 * 100.0)


def test_a_threshold_is_passed_after_a_confirmation_on_fifty_episodes() -> None:
    solved, returns = passes(make_plant("CartPole-v1"), push_right, threshold=5.0, seed=0)
    assert solved
    assert returns.episodes == 50


def test_a_quick_look_below_the_threshold_is_the_end_of_it() -> None:
    solved, returns = passes(make_plant("CartPole-v1"), push_right, threshold=475.0, seed=0)
    assert not solved
    assert returns.episodes == 10


def test_a_lucky_quick_look_is_not_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    looks = iter([Returns(480.0, 470.0, 400.0, 10), Returns(476.0, 460.0, 100.0, 50)])
    monkeypatch.setattr(module, "evaluate_on", lambda *_: next(looks))
    solved, returns = passes(make_plant("CartPole-v1"), push_right, threshold=475.0, seed=0)
    assert not solved
    assert returns.episodes == 50


def test_quick_and_confirming_episodes_have_different_seeds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seeds = []

    def look(plant: object, act: object, episodes: int, seed: int) -> Returns:
        seeds.append(seed)
        return Returns(500.0, 500.0, 500.0, episodes)

    monkeypatch.setattr(module, "evaluate_on", look)
    passes(make_plant("CartPole-v1"), push_right, threshold=475.0, seed=0)
    assert len(set(seeds)) == 2


def test_a_flip_in_midstride_turns_pushes_around() -> None:
    flips = []
    kept = midstride("CartPole-v1", push_right, 5, flips.append, episodes=3, seed=0)
    straight = evaluate("CartPole-v1", "nominal", push_right, 3, seed=0)
    assert flips == [False, True] * 3
    assert kept.mean > straight.mean


def test_agreement_is_the_share_of_equal_actions() -> None:
    obs = np.array([[-1.0], [-0.5], [0.5], [1.0]], np.float32)
    share = agreement(obs, lambda o: np.int64(o[0] > 0), lambda o: np.int64(1))
    assert share == 0.5


def test_a_packet_is_not_flown_without_trust(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--trust"):
        load_packet(tmp_path / "any.plasma", None, None)
