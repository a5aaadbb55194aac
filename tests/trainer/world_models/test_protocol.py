# SPDX-License-Identifier: Apache-2.0
"""What holds for every world, fitted or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch

from plasma_trainer.data import Log, Sequences, Trajectory
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models import (
    Diffusion,
    Ensemble,
    Eye,
    LatentWorld,
    MdnRnn,
    Rssm,
    SecondOrder,
    Still,
    Tokenizer,
    TokenTransformer,
    Vae,
    World,
)

FRAME = (3, 16, 16)
Make = Callable[[], World]

VECTORS = {
    "still": lambda: Still((3,), 2, discrete=False),
    "ensemble": lambda: Ensemble(3, 2, discrete=False),
    "second order": lambda: SecondOrder(3, 2, discrete=False),
    "gru": lambda: MdnRnn(3, 2, discrete=False, hidden=16),
    "deep lstm": lambda: MdnRnn(3, 2, discrete=False, cell="lstm", hidden=16, layers=2),
    "rssm": lambda: Rssm((3,), 2, discrete=False, deter=16, groups=4, classes=4, hidden=16),
}
PIXELS = {
    "still": lambda: Still(FRAME, 2, discrete=True),
    "vae": lambda: LatentWorld(
        Vae(*FRAME, latent_dim=4, hidden_channels=2), MdnRnn(4, 2, discrete=True, hidden=16)
    ),
    "eye": lambda: LatentWorld(Eye(FRAME, 2, discrete=True), SecondOrder(4, 2, discrete=True)),
    "rssm": lambda: Rssm(FRAME, 2, discrete=True, deter=16, groups=4, classes=4, hidden=16),
    "tokens": lambda: LatentWorld(
        Tokenizer(FRAME, hidden_channels=4), TokenTransformer(48, 2, discrete=True, width=16)
    ),
    "diffusion": lambda: Diffusion(FRAME, 2, discrete=True, width=8, hidden_channels=2),
}
LEARNERS = {
    **{f"{name} of vectors": make for name, make in VECTORS.items() if name != "still"},
    **{f"{name} of pixels": make for name, make in PIXELS.items() if name != "still"},
}
ALL = {
    **{f"{name} of vectors": make for name, make in VECTORS.items()},
    **{f"{name} of pixels": make for name, make in PIXELS.items()},
}


def sequences(pixels: bool, steps: int = 6) -> Sequences:
    """Four stretches of made-up experience; the last one ends after three steps."""
    rng = np.random.default_rng(0)
    episodes = []
    for length in (steps, steps, steps, 3):
        obs = (
            rng.integers(0, 256, (length + 1, *FRAME)).astype(np.uint8)
            if pixels
            else rng.normal(size=(length + 1, 3)).astype(np.float32)
        )
        action = (
            rng.integers(2, size=length)
            if pixels
            else rng.uniform(-1, 1, (length, 2)).astype(np.float32)
        )
        reward = rng.normal(size=length).astype(np.float32)
        episodes.append(Trajectory(obs, action, reward, terminated=length == 3))
    return Log(tuple(episodes)).whole()


def ready(make: Make) -> tuple[World, Sequences]:
    """A world with weights of its own that knows the ranges of some experience."""
    torch.manual_seed(0)
    world = make()
    batch = sequences(pixels=len(world.obs_shape) == 3)
    world.adopt(batch)
    return world, batch


@pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
def test_a_state_is_a_row_of_numbers_whatever_the_world(make: Make) -> None:
    world, batch = ready(make)
    states = world.filter(batch)
    assert states.shape == (4, 7, world.state_size)
    step = world.imagine(states[:, 2], batch.action[:, 2], torch.Generator().manual_seed(0))
    assert step.state.shape == (4, world.state_size)
    assert world.features(step.state).shape == (4, world.feature_size)
    obs = world.decode(step.state)
    assert obs.shape == (4, *world.obs_shape)
    assert obs.dtype == torch.float32
    for column in (step.reward, step.end_logit, step.uncertainty):
        assert column.shape == (4,)
        assert column.isfinite().all()
    assert step.lost.dtype == step.terminated.dtype == torch.bool


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS.keys())
def test_imagination_is_bit_equal_for_a_seed(make: Make) -> None:
    world, batch = ready(make)
    state = world.filter(batch)[:, 3]

    def path(seed: int) -> torch.Tensor:
        generator, here = torch.Generator().manual_seed(seed), state
        for t in range(5):
            here = world.imagine(here, batch.action[:, t], generator).state
        return here

    assert torch.equal(path(1), path(1))
    assert not torch.equal(path(1), path(2))


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS.keys())
def test_padding_teaches_nothing(make: Make) -> None:
    world, batch = ready(make)
    obs = batch.obs.clone()
    obs[3, 4:] = obs[0, 4:]  # the last stretch ended after three steps
    reward = torch.where(batch.real, batch.reward, 1e3)
    other = replace(batch, obs=obs, reward=reward, terminated=batch.terminated | ~batch.real)
    losses = [world.loss(b, torch.Generator().manual_seed(0))[0] for b in (batch, other)]
    assert torch.equal(*losses)
    seen = replace(batch, reward=batch.reward + 1.0)
    assert not torch.equal(world.loss(seen, torch.Generator().manual_seed(0))[0], losses[0])


@pytest.mark.parametrize("make", LEARNERS.values(), ids=LEARNERS.keys())
def test_a_loss_reaches_every_weight_and_comes_with_scalars(make: Make) -> None:
    world, batch = ready(make)
    loss, metrics = world.loss(batch, torch.Generator().manual_seed(0))
    loss.backward()
    eye = {id(p) for p in world.vae.parameters()} if isinstance(world, LatentWorld) else set()
    for name, weight in world.named_parameters():
        assert (weight.grad is None) == (id(weight) in eye), name
    assert metrics and all(m.dim() == 0 and not m.requires_grad for m in metrics.values())


@pytest.mark.parametrize("make", ALL.values(), ids=ALL.keys())
def test_experience_of_another_environment_is_refused(make: Make) -> None:
    world, batch = ready(make)
    cut = replace(batch, obs=batch.obs[..., :2])
    with pytest.raises(UsageError, match="this world was made for"):
        world.adopt(cut)
    action = torch.zeros(4, 6, 2) if world.discrete else batch.action[..., :1]
    with pytest.raises(UsageError, match="one integer" if world.discrete else "2 numbers"):
        world.adopt(replace(batch, action=action))


@pytest.mark.parametrize("name", ["ensemble", "gru", "rssm"])
def test_heat_makes_imagination_wilder(name: str) -> None:
    world, batch = ready(VECTORS[name])
    state = world.filter(batch)[:1, 3].expand(500, -1)
    action = batch.action[:1, 3].expand(500, -1)

    def variety(temperature: float) -> float:
        world.temperature.fill_(temperature)
        step = world.imagine(state, action, torch.Generator().manual_seed(0))
        return float(step.state.std(0).mean())

    assert variety(0.1) < variety(1.0) < variety(4.0)


@pytest.mark.parametrize("name", ["gru", "deep lstm"])
def test_a_memory_is_the_same_step_by_step_as_along_a_stretch(name: str) -> None:
    world, batch = ready(VECTORS[name])
    assert isinstance(world, MdnRnn)
    along, seen = world._along(batch, batch.action)
    states = world.filter(batch)
    for t in range(3):
        known, _ = world._remember(states[:, t], batch.action[:, t])
        torch.testing.assert_close(known, along[:, t], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(world._guess_from(states[:, t], batch.action[:, t]), seen[:, t])


def test_a_recurrent_belief_remembers_what_an_observation_does_not_show() -> None:
    for name in ("gru", "deep lstm", "rssm"):
        world, batch = ready(VECTORS[name])
        other = replace(batch, obs=batch.obs.clone())
        other.obs[:, 1] += 1.0
        now = [world.filter(b)[:, 3] for b in (batch, other)]
        assert not torch.equal(*now), name


def test_words_for_worlds_that_cannot_be_made() -> None:
    with pytest.raises(UsageError, match="choose one of gru, lstm"):
        MdnRnn(3, 2, discrete=False, cell="elman")
    with pytest.raises(UsageError, match="divisible by 16"):
        Vae(3, 60, 64)
    with pytest.raises(UsageError, match="make them equal"):
        LatentWorld(Vae(*FRAME, latent_dim=4), MdnRnn(3, 2, discrete=True))
