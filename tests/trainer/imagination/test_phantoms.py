# SPDX-License-Identifier: Apache-2.0
import torch
from torch import Tensor

from plasma_trainer.data import Transitions
from plasma_trainer.imagination import Phantoms, Starts, simulate, worst_return
from plasma_trainer.world_models import Ensemble


def at_random(obs: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randint(2, (len(obs),), generator=generator)


def always_right(obs: Tensor, generator: torch.Generator) -> Tensor:
    return torch.ones(len(obs), dtype=torch.int64)


def short_lives(world: Ensemble, data: Transitions, n: int) -> Phantoms:
    start = torch.from_numpy(data.reset_obs)
    return Phantoms(world, Starts(start, start, 0.0), n, max_steps=3, seed=0, lost_return=None)


def test_phantom_paths_are_bit_equal_for_a_seed(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    first, second, other = (
        simulate(cartpole_world, at_random, start, n=32, horizon=20, seed=seed)
        for seed in (1, 1, 2)
    )
    for name, column in vars(first).items():
        assert torch.equal(column, getattr(second, name)), name
    assert not torch.equal(first.obs, other.obs)


def test_phantom_poles_fall_about_as_fast_as_real_ones(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    imagined = simulate(cartpole_world, at_random, start, n=200, horizon=100, seed=0)
    real = cartpole_data.episode_returns[:-1].mean()
    assert 0.6 * real < imagined.first_returns.mean() < 1.5 * real
    steady = simulate(cartpole_world, always_right, start, n=200, horizon=100, seed=0)
    assert 7 <= steady.first_returns.mean() <= 12


def test_every_step_says_how_uncertain_it_is(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    paths = simulate(cartpole_world, at_random, start, n=16, horizon=10, seed=0)
    assert paths.uncertainty.shape == (10, 16)
    assert (paths.uncertainty > 0).all()


def test_a_path_goes_on_where_it_was_unless_it_ended(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    start = torch.from_numpy(cartpole_data.reset_obs)
    paths = simulate(cartpole_world, always_right, start, n=16, horizon=30, seed=0)
    goes_on = ~paths.ended[:-1]
    assert torch.equal(paths.next_obs[:-1][goes_on], paths.obs[1:][goes_on])
    assert paths.terminated.any()
    assert (paths.obs[1:][~goes_on].abs() <= 0.05).all()  # a new life starts where CartPole starts


def test_the_time_limit_truncates_and_never_terminates(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    lives = short_lives(cartpole_world, cartpole_data, 8)
    paths = lives.roll(at_random, horizon=6)
    assert paths.truncated[[2, 5]].all()
    assert not paths.truncated[[0, 1, 3, 4]].any()
    assert not paths.terminated.any()


def test_staggered_lives_reach_the_time_limit_at_different_steps(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    lives = short_lives(cartpole_world, cartpole_data, 300)
    lives.stagger()
    ended = lives.roll(at_random, horizon=3).truncated
    assert (ended.sum(0) == 1).all()  # each life once in three steps ...
    assert (ended.sum(1) > 50).all()  # ... and some at every step


def test_a_lost_life_ends_with_the_return_it_has_to_fear(
    cartpole_world: Ensemble, cartpole_data: Transitions
) -> None:
    far = torch.tensor([[50.0, 0.0, 0.0, 0.0]])
    starts = Starts(far, far, visited_share=0.0)
    halted = Phantoms(cartpole_world, starts, 4, 500, seed=0, lost_return=-7.0)
    believing = Phantoms(cartpole_world, starts, 4, 500, seed=0, lost_return=None)
    row, naive = (lives.roll(always_right, horizon=1) for lives in (halted, believing))
    assert row.terminated.all()
    known_end = naive.terminated
    torch.testing.assert_close(row.reward, naive.reward - 7.0 * ~known_end)


def test_half_of_the_lives_start_in_the_middle_of_experience() -> None:
    starts = Starts(torch.zeros(1, 2), torch.ones(1, 2), visited_share=0.5)
    drawn = starts.draw(4000, torch.Generator().manual_seed(0))
    assert 0.45 < drawn[:, 0].mean() < 0.55


def test_the_worst_return_is_death_or_the_least_reward_for_ever() -> None:
    reward = torch.tensor([-2.0, 1.0])
    never, ends = torch.tensor([False, False]), torch.tensor([False, True])
    assert worst_return(reward, never, discount=0.9) == torch.tensor(-20.0)
    assert worst_return(torch.ones(2), ends, discount=0.9) == 0.0
    assert abs(worst_return(torch.ones(2), never, discount=0.9) - 10.0) < 1e-6
