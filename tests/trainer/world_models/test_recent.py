# SPDX-License-Identifier: Apache-2.0
"""Worlds that remember by keeping: what they learn from is what they will remember."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from torch import nn

from plasma_trainer.world_models import Diffusion, LatentWorld, Tokenizer, TokenTransformer
from plasma_trainer.world_models.token_transformer import ROUNDS
from tests.trainer.world_models.test_protocol import PIXELS, ready


def wide_awake(tokenizer: Tokenizer) -> None:
    """Before the first update all codes are 0: rounded off."""
    last = tokenizer.encoder[-1]
    assert isinstance(last, nn.Conv2d)
    last.weight.data *= 100.0


def test_a_window_of_a_stretch_is_the_state_after_filtering_it() -> None:
    world, batch = ready(PIXELS["diffusion"])
    assert isinstance(world, Diffusion)
    states = world.filter(batch)
    seen, done, after = world.windows(batch)
    for t in range(batch.action.shape[1]):
        kept, acted = world.recall(states[:, t], world.encode_action(batch.action[:, t]))
        assert torch.equal(kept, seen[:, t].float())
        assert torch.equal(acted, done[:, t])
        assert torch.equal(after[:, t].float(), world.decode(states[:, t + 1]).flatten(1))


@pytest.mark.parametrize("name", ["tokens", "diffusion"])
def test_it_forgets_what_is_older_than_it_keeps_and_nothing_younger(name: str) -> None:
    world, batch = ready(PIXELS[name])
    if isinstance(world, LatentWorld):
        wide_awake(world.vae)
    for changed, same in ((0, True), (2, False)):
        other = replace(batch, obs=batch.obs.clone())
        other.obs[:, changed] = 255 - other.obs[:, changed]
        last = [world.filter(b)[:, 4] for b in (batch, other)]  # keeps 1, 2, 3 and 4
        assert torch.equal(*last) == same


def test_a_drawn_frame_is_what_a_camera_could_have_seen() -> None:
    world, batch = ready(PIXELS["diffusion"])
    state = world.filter(batch)[:, 3]
    step = world.imagine(state, batch.action[:, 3], torch.Generator().manual_seed(0))
    frame = world.decode(step.state)
    assert torch.equal(frame, frame.round().clamp(0, 255))


def test_a_painting_ends_without_an_open_place() -> None:
    world, batch = ready(PIXELS["tokens"])
    assert isinstance(world, LatentWorld) and isinstance(world.world, TokenTransformer)
    inner = world.world
    state = world.filter(batch)[:, 3]
    passes = []
    inner.encoder.register_forward_hook(lambda *_: passes.append(1))
    step = world.imagine(state, batch.action[:, 3], torch.Generator().manual_seed(0))
    codes = inner.decode(step.state)
    assert len(passes) == ROUNDS
    assert torch.equal(inner._codes(inner._words(codes)), codes)
    assert (inner._words(codes) < inner.word.num_embeddings - 1).all()
