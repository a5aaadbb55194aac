# SPDX-License-Identifier: Apache-2.0
"""A system whose every answer is known: a mass on a rail, pushed by the action, lost when it leaves [-1, 1]."""

import pytest
import torch
from torch import Tensor

from plasma_trainer.data import collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.world_models import Ensemble, fit


def step(obs: Tensor, action: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """obs [N, 2] = position, velocity; action [N, 1] -> next_obs, reward, terminated."""
    position, velocity = obs.unbind(-1)
    next_obs = torch.stack([position + 0.5 * velocity, velocity + 0.2 * action[:, 0]], -1)
    return next_obs, -position.square(), next_obs[:, 0].abs() > 1


def experience(count: int) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(1)
    obs = torch.rand(count, 2, generator=generator) * 2 - 1
    action = torch.rand(count, 1, generator=generator) * 2 - 1
    next_obs, reward, terminated = step(obs, action)
    return {
        "obs": obs,
        "action": action,
        "reward": reward,
        "next_obs": next_obs,
        "terminated": terminated,
    }


@pytest.fixture(scope="module")
def world() -> Ensemble:
    torch.manual_seed(0)
    world = Ensemble(obs_size=2, action_size=1, discrete=False)
    data = experience(800)
    fit(world, data, data, updates=800, seed=0)
    return world


def test_learns_a_known_system(world: Ensemble) -> None:
    obs = torch.rand(500, 2) * 1.8 - 0.9
    action = torch.rand(500, 1) * 1.8 - 0.9
    next_obs, reward, terminated = step(obs, action)
    imagined = world.imagine(obs, action, torch.Generator().manual_seed(0))
    assert (imagined.state - next_obs).abs().mean() < 0.02
    assert (imagined.reward - reward).abs().mean() < 0.05
    assert (imagined.terminated == terminated).float().mean() > 0.95
    assert imagined.lost.float().mean() < 0.05


def test_imagining_is_bit_equal_for_a_seed(world: Ensemble) -> None:
    obs, action = torch.zeros(16, 2), torch.ones(16, 1)
    first = world.imagine(obs, action, torch.Generator().manual_seed(5))
    second = world.imagine(obs, action, torch.Generator().manual_seed(5))
    other = world.imagine(obs, action, torch.Generator().manual_seed(6))
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))
    assert not torch.equal(first.state, other.state)


def test_members_disagree_where_there_was_no_data(world: Ensemble) -> None:
    action = torch.zeros(50, 1)
    inside, outside = torch.rand(50, 2) - 0.5, torch.rand(50, 2) + 3.0
    assert world.disagreement(outside, action).min() > 3 * world.disagreement(inside, action).max()


def test_a_world_is_lost_outside_its_data_and_stays_within_its_range(world: Ensemble) -> None:
    imagined = world.imagine(torch.full((20, 2), 2.0), torch.ones(20, 1), torch.Generator())
    assert imagined.lost.all()
    assert (imagined.state <= world.obs_high).all()


def test_a_reward_is_never_better_than_any_that_was_earned(world: Ensemble) -> None:
    obs = torch.randn(200, 2) * 3
    imagined = world.imagine(obs, torch.randn(200, 1), torch.Generator())
    assert imagined.reward.max() <= 0.0


def test_an_action_beyond_its_limits_counts_as_the_limit(world: Ensemble) -> None:
    obs = torch.zeros(8, 2)
    far = world.imagine(obs, torch.full((8, 1), 9.0), torch.Generator().manual_seed(0))
    limit = world.action_high.expand(8, 1)
    at_limit = world.imagine(obs, limit, torch.Generator().manual_seed(0))
    assert torch.equal(far.state, at_limit.state)


def test_losses_come_with_metrics_and_gradients_of_their_own_part(world: Ensemble) -> None:
    batch = {name: column.expand(5, *column.shape) for name, column in experience(32).items()}
    world.zero_grad()
    loss, metrics = world.dynamics_loss(batch)
    loss.backward()
    assert set(metrics) == {"delta_mse"}
    assert all(p.grad is None for p in world.outcome.parameters())
    assert all(p.grad is not None for p in world.dynamics.parameters())
    _, metrics = world.outcome_loss(batch)
    assert set(metrics) == {"reward_mse", "end_bce"}


def test_fitting_is_bit_equal_for_a_seed() -> None:
    worlds = []
    for _ in range(2):
        torch.manual_seed(3)
        worlds.append(Ensemble(2, 1, discrete=False))
        fit(worlds[-1], experience(50), experience(50), updates=5, seed=9)
    for one, two in zip(worlds[0].parameters(), worlds[1].parameters(), strict=True):
        assert torch.equal(one, two)


def test_two_thousand_steps_of_a_hard_plant_are_learnt_in_two_hundred_updates() -> None:
    """At the rate that a few steps are fitted with, seven times the error is left."""
    plant = make_plant("Acrobot-v1")
    lived, held_out = (
        collect(plant, random_act(plant.action_space, seed), steps, seed, 200).tensors()
        for seed, steps in enumerate((2000, 500))
    )
    torch.manual_seed(0)
    world = Ensemble(6, 3, discrete=True)
    fit(world, lived, lived, 200, seed=0)
    came = world.expected(held_out["obs"], held_out["action"])
    error = ((held_out["next_obs"] - came) / world.delta_std).square().mean()
    assert error < 0.03


def test_a_broken_plant_changes_the_dynamics_and_not_what_a_step_is_worth(world: Ensemble) -> None:
    task = experience(400)
    broken = {name: column[:200] for name, column in task.items()}
    broken["next_obs"], _, _ = step(broken["obs"], -broken["action"])
    torch.manual_seed(0)
    other = Ensemble(2, 1, discrete=False)
    other.load_state_dict(world.state_dict())
    fit(other, broken, task, updates=300, seed=0)
    obs, push = torch.zeros(1, 2), torch.ones(1, 1)
    assert other.imagine(obs, push, torch.Generator()).state[0, 1] < -0.15
    edge = torch.tensor([[0.9, 0.9]])
    assert other.imagine(edge, push, torch.Generator()).terminated.all()
