# SPDX-License-Identifier: Apache-2.0
"""A block that actions push left or right: small enough for every family that draws to learn all of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from gymnasium import spaces
from rich.console import Console
from torch import nn

from plasma_trainer.data import Log, Trajectory
from plasma_trainer.pipelines.families import fit_parts, new_world
from plasma_trainer.pipelines.fit_world import FitArgs, fit_world
from plasma_trainer.world_models import LatentWorld, World

SIDE, PLACES = 16, 4


def frame(place: int) -> np.ndarray:
    picture = np.full((3, SIDE, SIDE), 200, np.uint8)
    picture[:, 6:10, place * 4 : (place + 1) * 4] = 40
    return picture


def pushed(place: int, action: int) -> int:
    return int(np.clip(place + (1 if action else -1), 0, PLACES - 1))


def pushes(seed: int) -> Log:
    """Random ones; whoever ends at the right is paid."""
    rng = np.random.default_rng(seed)
    episodes = []
    for _ in range(8):
        places, action = [int(rng.integers(PLACES))], rng.integers(2, size=24)
        for a in action:
            places.append(pushed(places[-1], int(a)))
        obs = np.stack([frame(place) for place in places])
        reward = np.array([place == PLACES - 1 for place in places[1:]], np.float32)
        episodes.append(Trajectory(obs, action, reward, terminated=False))
    return Log(tuple(episodes))


def learnt(name: str, updates: int, out: Path) -> World:
    def fit(part: str, model: nn.Module, train: Log, held_out: Log) -> None:
        args = FitArgs(part, updates, batch=8, length=12, learning_rate=2e-3, cooling=0.5)
        fit_world(model, train, held_out, args, out / part, Console(quiet=True))

    torch.manual_seed(0)
    world = new_world(name, (3, SIDE, SIDE), spaces.Discrete(2))
    fit_parts(name, world, pushes(0), pushes(1), fit)
    return world


@pytest.mark.parametrize("name", ["tokens", "diffusion"])
def test_what_is_drawn_is_where_the_block_was_pushed(name: str, tmp_path: Path) -> None:
    world = learnt(name, 200, tmp_path)
    places = torch.arange(PLACES).repeat_interleave(2)
    action = torch.arange(2).repeat(PLACES)
    known = torch.from_numpy(np.stack([frame(place) for place in range(PLACES)]))
    state = world.start(known[places])
    step = world.imagine(state, action, torch.Generator().manual_seed(0))
    distance = torch.cdist(world.decode(step.state).flatten(1), known.float().flatten(1))
    there = torch.tensor(
        [pushed(int(place), int(a)) for place, a in zip(places, action, strict=True)]
    )
    assert (distance.argmin(1) == there).sum() >= 7  # of 8; by chance 2
    assert (((step.reward > 0.5) == (there == PLACES - 1)).sum()) >= 7


def test_parts_are_fitted_in_order_and_an_eye_is_settled_before_what_lives_behind_it(
    tmp_path: Path,
) -> None:
    for name, parts in {
        "still": [],
        "rssm": ["rssm"],
        "eye+ensemble": ["eye", "second-order"],
        "vae+mdn-rnn": ["vae", "mdn-rnn"],
        "tokens": ["tokenizer", "transformer"],
        "diffusion": ["diffusion"],
    }.items():
        fitted: list[str] = []
        shapes: list[tuple[int, ...]] = []

        def fit(part: str, model: nn.Module, train: Log, held_out: Log) -> None:
            fitted.append(part)  # noqa: B023
            shapes.append(held_out.episodes[0].obs.shape[1:])  # noqa: B023

        world = new_world(name, (3, SIDE, SIDE), spaces.Discrete(2))
        fit_parts(name, world, pushes(0), pushes(1), fit)
        assert fitted == parts
        if isinstance(world, LatentWorld):
            assert shapes[-1] == (world.vae.latent_dim,)
        if name == "eye+ensemble":
            latents = world.vae.get_latent(torch.from_numpy(pushes(0).table().obs))
            assert latents.std(0).sub(1.0).abs().max() < 0.1
