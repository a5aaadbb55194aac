# SPDX-License-Identifier: Apache-2.0
"""Phantom paths and dreams ask nothing of a world but the protocol."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.imagination import DreamVectorEnv, Phantoms, Starts, simulate
from plasma_trainer.world_models import World
from tests.trainer.world_models.test_protocol import PIXELS, VECTORS, ready

ACTING = {"vectors": spaces.Box(-1, 1, (2,), np.float32), "pixels": spaces.Discrete(2)}
WORLDS = [
    pytest.param(make, kind, id=f"{name} of {kind}")
    for kind, worlds in {"vectors": VECTORS, "pixels": PIXELS}.items()
    for name, make in worlds.items()
]


def acts(kind: str) -> Callable[[Tensor, torch.Generator], Tensor]:
    if kind == "pixels":
        return lambda seen, generator: torch.randint(2, (len(seen),), generator=generator)
    return lambda seen, generator: torch.rand(len(seen), 2, generator=generator) * 2 - 1


@pytest.mark.parametrize(("make", "kind"), WORLDS)
def test_paths_through_any_world_are_bit_equal_for_a_seed(
    make: Callable[[], World], kind: str
) -> None:
    world, batch = ready(make)
    start = world.filter(batch)[:, 2]
    first, again, other = (
        simulate(world, acts(kind), start, n=5, horizon=4, seed=seed) for seed in (1, 1, 2)
    )
    assert first.obs.shape == first.next_obs.shape == (4, 5, world.feature_size)
    for name, column in vars(first).items():
        assert torch.equal(column, getattr(again, name)), name
    assert not torch.equal(first.action, other.action)
    goes_on = ~first.ended[:-1]
    assert torch.equal(first.next_obs[:-1][goes_on], first.obs[1:][goes_on])


@pytest.mark.parametrize(("make", "kind"), WORLDS)
def test_a_dream_shows_what_the_real_environment_would(
    make: Callable[[], World], kind: str
) -> None:
    world, batch = ready(make)
    space = (
        spaces.Box(0, 255, world.obs_shape, np.uint8)
        if kind == "pixels"
        else spaces.Box(-9, 9, world.obs_shape, np.float32)
    )
    dream = DreamVectorEnv(
        world, batch.obs[:, 0], space, ACTING[kind], num_envs=3, max_steps=2, lost_return=None
    )
    obs, _ = dream.reset(seed=0)
    assert dream.observation_space.contains(obs)
    dream.action_space.seed(0)
    for _ in range(2):
        obs, reward, _, truncated, info = dream.step(dream.action_space.sample())
        assert dream.observation_space.contains(obs)
        assert reward.shape == (3,)
    ended = info["_final_obs"]
    assert ended[truncated].all()
    assert all(space.contains(last) for last in info["final_obs"][ended])


def test_a_life_keeps_its_memory() -> None:
    """The state goes on from step to step, not only what is seen of it."""
    world, batch = ready(VECTORS["gru"])
    world.outcome[-1].bias.data[1] = -10.0  # nothing ends
    start = world.filter(batch)[:1, 0]
    lives = Phantoms(world, Starts(start, start, 0.0), 1, 100, seed=0, lost_return=None)
    generator = torch.Generator().manual_seed(0)
    for _ in range(3):
        before = lives.state[:, world.obs_shape[0] :]
        lives.step(acts("vectors")(lives.obs, generator))
    after = lives.state[:, world.obs_shape[0] :]
    assert after.abs().max() > 0
    assert not torch.equal(before, after)
