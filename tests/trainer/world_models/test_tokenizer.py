# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
import torch

from plasma_trainer.errors import UsageError
from plasma_trainer.world_models import Tokenizer, TokenTransformer
from plasma_trainer.world_models.token_transformer import WORDS
from plasma_trainer.world_models.tokenizer import CODES, LEVELS
from tests.trainer.world_models.test_protocol import FRAME, sequences
from tests.trainer.world_models.test_recent import wide_awake


def test_codes_are_whole_numbers_of_the_levels_and_gradients_pass_the_rounding() -> None:
    torch.manual_seed(0)
    tokenizer = Tokenizer(FRAME, hidden_channels=4)
    batch = sequences(pixels=True)
    tokenizer.adopt(batch)
    wide_awake(tokenizer)
    codes = tokenizer.get_latent(batch.obs.flatten(0, 1))
    assert codes.shape == (4 * 7, tokenizer.latent_dim)
    assert torch.equal(codes, codes.round())
    assert codes.abs().max() <= LEVELS // 2
    assert len(codes.unique()) > 1
    loss, _ = tokenizer.loss(batch, torch.Generator().manual_seed(0))
    loss.backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in tokenizer.parameters())


def test_far_out_is_the_last_level() -> None:
    tokenizer = Tokenizer(FRAME, hidden_channels=4)
    last = tokenizer.encoder[-1]
    assert isinstance(last, torch.nn.Conv2d)
    torch.nn.init.zeros_(last.weight)
    last.bias.data = torch.tensor([-9.0, 0.0, 9.0])
    codes = tokenizer.get_latent(torch.zeros(1, *FRAME, dtype=torch.uint8))
    assert codes.unflatten(1, (-1, CODES))[0, 5].tolist() == [-(LEVELS // 2), 0, LEVELS // 2]


def test_every_word_has_its_own_codes() -> None:
    world = TokenTransformer(WORDS * CODES, 2, discrete=True, width=8, layers=1)
    words = torch.arange(WORDS)[None]
    codes = world._codes(words)
    assert len(codes.unflatten(1, (-1, CODES))[0].unique(dim=0)) == WORDS
    assert torch.equal(world._words(codes), words)


@pytest.mark.parametrize("shape", [(3, 16, 32), (3, 48, 48), (3, 4, 4)])
def test_frames_that_make_no_grid_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match="power of two"):
        Tokenizer(shape)
