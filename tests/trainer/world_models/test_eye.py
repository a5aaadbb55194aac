# SPDX-License-Identifier: Apache-2.0
"""Frames of a dot that an action moves: what an eye and a second-order world make of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from plasma_trainer.data import Log, Sequences, Trajectory
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models import Eye, LatentWorld, SecondOrder

SIZE = 32


def dots(episodes: int = 6, steps: int = 12) -> Log:
    """A dot of 4 x 4 pixels goes up or down a pixel or two a step."""
    rng = np.random.default_rng(0)
    made = []
    for _ in range(episodes):
        action = rng.integers(2, size=steps)
        place = np.clip(8 + np.cumsum(np.concatenate([[0], 2 * action - 1])), 0, SIZE - 4)
        obs = np.zeros((steps + 1, 3, SIZE, SIZE), np.uint8)
        for frame, row in zip(obs, place, strict=True):
            frame[:, row : row + 4, 14:18] = 255
        made.append(Trajectory(obs, action, place[1:].astype(np.float32), terminated=False))
    return Log(tuple(made))


def new_eye(log: Log) -> tuple[Eye, Sequences]:
    torch.manual_seed(0)
    eye = Eye((3, SIZE, SIZE), 2, discrete=True)
    glimpses = log.seen_as(eye.glimpse).whole()
    eye.adopt(glimpses)
    return eye, glimpses


def test_a_glimpse_is_the_mean_of_areas() -> None:
    eye, _ = new_eye(dots())
    frame = torch.zeros(1, 3, SIZE, SIZE, dtype=torch.uint8)
    frame[0, 1, 2:4, 4:6] = torch.tensor([[255, 0], [255, 0]], dtype=torch.uint8)
    glimpse = eye.glimpse(frame).view(3, 16, 16)
    assert glimpse[1, 1, 2] == 127.5
    assert glimpse.sum() == 127.5


def test_once_settled_latents_have_mean_0_and_deviation_1() -> None:
    log = dots()
    eye, glimpses = new_eye(log)
    eye.settle(glimpses)
    frames = torch.from_numpy(np.concatenate([e.obs[1:] for e in log.episodes]))
    latent = eye.get_latent(frames)
    assert torch.allclose(latent.mean(0), torch.zeros(4), atol=1e-4)
    assert torch.allclose(latent.std(0), torch.ones(4), atol=1e-3)


def test_fitting_makes_the_next_latent_easier_to_foretell() -> None:
    eye, glimpses = new_eye(dots())
    optimizer = torch.optim.Adam(eye.parameters(), 1e-3)
    losses = []
    for _ in range(40):
        loss, metrics = eye.loss(glimpses, torch.Generator())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(metrics)
    for name in ("drawn_mse", "latent_mse", "reward_mse"):
        assert losses[-1][name] < 0.8 * losses[0][name], name


def test_padding_and_the_future_teach_the_eye_nothing() -> None:
    eye, glimpses = new_eye(dots())
    real = glimpses.real.clone()
    real[0, 5:] = False
    cut = replace(glimpses, real=real)
    other = replace(cut, obs=cut.obs.clone(), reward=torch.where(real, cut.reward, 1e3))
    other.obs[0, 6:] = 0.0
    losses = [eye.loss(batch, torch.Generator())[0] for batch in (glimpses, cut, other)]
    assert torch.equal(losses[1], losses[2])
    assert not torch.equal(losses[0], losses[1])


def test_frames_that_cannot_be_glimpsed_are_refused() -> None:
    with pytest.raises(UsageError, match="divisible by 16"):
        Eye((3, 40, 64), 2, discrete=True)


def test_a_second_order_state_knows_how_far_it_came() -> None:
    world = SecondOrder(2, 1, discrete=False)
    state = world.start(torch.tensor([[1.0, 2.0]]))
    assert state.tolist() == [[1.0, 2.0, 0.0, 0.0]]
    state = world.observe(state, torch.zeros(1, 1), torch.tensor([[1.5, 1.0]]))
    assert state.tolist() == [[1.5, 1.0, 0.5, -1.0]]


def test_a_stretch_says_nothing_about_the_step_before_it() -> None:
    rng = np.random.default_rng(0)
    obs = rng.normal(size=(13, 2)).astype(np.float32)
    action, reward = rng.normal(size=(12, 1)).astype(np.float32), np.ones(12, np.float32)
    batch = Log((Trajectory(obs, action, reward, terminated=False),)).whole()
    torch.manual_seed(0)
    world = SecondOrder(2, 1, discrete=False)
    world.adopt(batch)
    first = replace(batch, reward=batch.reward.clone())
    first.reward[0, 0] = 100.0
    second = replace(batch, reward=batch.reward.clone())
    second.reward[0, 1] = 100.0
    losses = [world.loss(b, torch.Generator())[0] for b in (batch, first, second)]
    assert torch.equal(losses[0], losses[1])
    assert not torch.equal(losses[0], losses[2])


def test_the_temperature_of_a_world_of_parts_reaches_the_part_that_draws() -> None:
    log = dots()
    eye, glimpses = new_eye(log)
    eye.settle(glimpses)
    world = LatentWorld(eye, SecondOrder(4, 2, discrete=True))
    world.adopt(log.whole())
    state = world.start(log.whole().obs[:, 0])
    action = torch.zeros(len(state), dtype=torch.int64)

    def step(temperature: float, seed: int) -> torch.Tensor:
        world.temperature.fill_(temperature)
        return world.imagine(state, action, torch.Generator().manual_seed(seed)).state

    cold, warm = step(0.0, 0), step(1.0, 0)
    assert not torch.equal(cold, warm)
