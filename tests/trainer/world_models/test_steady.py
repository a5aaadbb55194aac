# SPDX-License-Identifier: Apache-2.0
"""A gate holds imagined latents back where V can see them, and lets the others pass."""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.world_models import LatentWorld, MdnRnn, Vae
from tests.trainer.world_models.test_protocol import FRAME, ready


def steady() -> tuple[LatentWorld, Tensor, Tensor]:
    """A world with a gate; states, and actions that were taken there."""
    world, batch = ready(
        lambda: LatentWorld(
            Vae(*FRAME, latent_dim=4, hidden_channels=2),
            MdnRnn(4, 2, discrete=True, hidden=16),
            steady=True,
        )
    )
    assert isinstance(world, LatentWorld)
    return world, world.filter(batch)[:, 3], batch.action[:, 3]


def latents(world: LatentWorld, state: Tensor, action: Tensor) -> Tensor:
    step = world.imagine(state, action, torch.Generator().manual_seed(0))
    return world.world.decode(step.state)


def test_is_shut_until_it_was_calibrated_and_shut_again_for_moves_that_are_usual() -> None:
    world, state, action = steady()
    shut = latents(world, state, action)
    world.steady = False
    assert torch.equal(latents(world, state, action), shut)
    world.steady = True
    world.usual.copy_(world._look(shut).norm(dim=-1).max())
    assert torch.equal(latents(world, state, action), shut)


def test_makes_the_excess_of_a_move_and_no_more() -> None:
    world, state, action = steady()
    free = latents(world, state, action)
    move = world._look(free)
    world.usual.copy_(0.25 * move.norm(dim=-1).min())
    held = latents(world, state, action)
    excess = move.norm(dim=-1) - world.usual
    torch.testing.assert_close((held - free).norm(dim=-1), excess)
    torch.testing.assert_close(held - free, move * (excess / move.norm(dim=-1))[:, None])


def test_a_memory_is_the_same_with_and_without() -> None:
    world, state, action = steady()
    free = world.world.imagine(state, action, torch.Generator().manual_seed(0)).state
    world.usual.fill_(0.0)
    held = world.imagine(state, action, torch.Generator().manual_seed(0)).state
    assert not torch.equal(held[:, :4], free[:, :4])
    torch.testing.assert_close(held[:, 4:], free[:, 4:])


def test_what_is_usual_is_learnt_from_real_frames() -> None:
    world, _, _ = steady()
    _, batch = ready(lambda: world)
    world.calibrate(batch)
    moves = world._look(world.vae.get_latent(batch.obs[:, 1:][batch.real])).norm(dim=-1)
    assert moves.median() < world.usual <= moves.max()
