# SPDX-License-Identifier: Apache-2.0
import numpy as np

from plasma_trainer.envs import episode_returns, fly, make_plant


def test_one_push_after_another_tips_the_pole_over_within_12_steps() -> None:
    returns = episode_returns(make_plant("CartPole-v1"), lambda obs: np.int64(1), range(5))
    assert len(returns) == 5
    assert returns.max() <= 12


def test_an_episode_knows_whether_it_was_cut_by_the_time_limit() -> None:
    fallen = fly(make_plant("CartPole-v1"), lambda obs: np.int64(1), seed=0)
    timed_out = fly(make_plant("Pendulum-v1"), lambda obs: np.zeros(1, np.float32), seed=0)
    assert fallen.terminated
    assert not timed_out.terminated
    assert len(timed_out.rewards) == 200


def test_equal_seeds_fly_equal_episodes() -> None:
    plant = make_plant("CartPole-v1")
    first = fly(plant, lambda obs: np.int64(0), seed=3)
    second = fly(plant, lambda obs: np.int64(0), seed=3)
    np.testing.assert_array_equal(first.first_obs, second.first_obs)
    assert first.total == second.total


def test_on_tick_runs_before_every_action() -> None:
    order: list[str] = []

    def act(obs: np.ndarray) -> np.int64:
        order.append("act")
        return np.int64(1)

    fly(make_plant("CartPole-v1"), act, 0, on_tick=lambda tick: order.append(f"tick {tick}"))
    assert order[:4] == ["tick 0", "act", "tick 1", "act"]
