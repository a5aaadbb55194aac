# SPDX-License-Identifier: Apache-2.0
"""A transformer that foretells tokens: what comes next is painted, place by place, from all that was seen of late.

    tube       what a place looked like in the last KEPT frames, and the actions that followed each
    painting   the next frame's tokens, those that are settled and a mask for the others
    encoder    attends from place to place: p(token | tubes, painting) for every place at once
    outcome    reward and end of (all tubes, the frame that was painted)

Of the lineage of IRIS (Micheli et al., 2023) and Genie (Bruce et al., 2024). IRIS paints one token after another; like
Genie, this one paints as MaskGIT does (Chang et al., 2022, section 3.2): ROUNDS times it draws all that is open and
settles what it was surest of. Tokens of one frame then agree with each other at a fraction of the passes. Time goes
into tubes (ViViT, Arnab et al., 2021, section 3.2), space into attention: looking back need not be learnt, and a few
hundred updates show something.

There is no head for regimes such as menu and play: no environment here has any, so nothing could test it.

Shapes: B batch, T steps, N kept frames, P places, C codes of a place, V = LEVELS ** C words, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.nets import normed_mlp
from plasma_trainer.world_models.disagreement import Disagreement
from plasma_trainer.world_models.recent import RecentWorld
from plasma_trainer.world_models.tokenizer import CODES, LEVELS
from plasma_trainer.world_models.world import Imagined, Loss

KEPT = 4  # frames
ROUNDS = 3
WORDS = LEVELS**CODES
MASK = WORDS  # the word for "not settled yet"
READ = 2  # frames that policies and the uncertainty see: where it is, and how it moves


class TokenTransformer(RecentWorld):
    """A world of a Tokenizer's latents [B, Z]; put it behind one (latent_world.py)."""

    def __init__(
        self,
        latent_dim: int,
        action_size: int,
        discrete: bool,
        width: int = 64,
        layers: int = 3,
        heads: int = 4,
    ) -> None:
        super().__init__((latent_dim,), action_size, discrete, KEPT)
        self.places, self.feature_size = latent_dim // CODES, READ * latent_dim
        self.tube = nn.Linear(KEPT * (CODES * LEVELS + action_size), width)
        self.place = nn.Parameter(0.1 * torch.randn(self.places, width))
        self.word = nn.Embedding(WORDS + 1, width)
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.encoder = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.to_word = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, WORDS))
        known = KEPT * (latent_dim + action_size)
        self.outcome = normed_mlp((known + latent_dim, 2 * width, 2 * width, 2))
        self.disagreement = Disagreement(READ * (latent_dim + action_size), latent_dim)
        self.register_buffer("powers", LEVELS ** torch.arange(CODES))

    def features(self, state: Tensor) -> Tensor:
        return state[:, (KEPT - READ) * self.obs_size : KEPT * self.obs_size]

    @torch.no_grad()
    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        seen, done = self.recall(state, self.tried(action))
        codes = self._paint(seen, done, generator)
        reward, end_logit = self._outcome(seen, done, codes).unbind(-1)
        uncertainty, lost = self.disagreement(self._guess_from(seen, done))
        state = self.keep(seen, done, codes)
        return Imagined(state, self.real_reward(reward), end_logit, uncertainty, lost)

    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """Cross-entropy of masked tokens and of ends, squared error of rewards, over the real steps."""
        seen, done, codes = (part[batch.real] for part in self.windows(batch))
        words = self._words(codes)
        # Share of masks: cos of an even draw (MaskGIT, section 3.1), so that much is open more often than little.
        share = torch.cos(0.5 * math.pi * self._even(words[:, :1], generator))
        masked = self._even(words, generator) < share
        logits = self._logits(self._tubes(seen, done), words.masked_fill(masked, MASK))
        wrong = functional.cross_entropy(logits.float().transpose(1, 2), words, reduction="none")
        token_nll = (wrong * masked).sum() / masked.sum().clamp_min(1)
        reward, end_logit = self._outcome(seen, done, codes).float().unbind(-1)
        reward_mse = (reward - self.normal_reward(batch.reward[batch.real])).square().mean()
        ended = batch.terminated[batch.real].float()
        end_bce = functional.binary_cross_entropy_with_logits(end_logit, ended)
        guess_mse = self.disagreement.loss(self._guess_from(seen, done), codes)
        metrics = {"token_nll": token_nll, "reward_mse": reward_mse, "end_bce": end_bce}
        metrics |= {"guess_mse": guess_mse}
        return sum(metrics.values()), {name: value.detach() for name, value in metrics.items()}

    @torch.no_grad()
    def calibrate(self, held_out: Sequences) -> None:
        seen, done, _ = (part[held_out.real] for part in self.windows(held_out))
        self.disagreement.calibrate(self._guess_from(seen, done))

    def _paint(self, seen: Tensor, done: Tensor, generator: torch.Generator) -> Tensor:
        """The next frame's codes [B, Z], drawn; τ is how far words are drawn from their likelihood."""
        tubes = self._tubes(seen, done)
        words = torch.full((len(seen), self.places), MASK, device=seen.device)
        for left in reversed(range(ROUNDS)):
            p = (self._logits(tubes, words) / self.temperature).softmax(-1)
            drawn = torch.multinomial(p.flatten(0, 1), 1, generator=generator).view_as(words)
            open_ = words == MASK
            sure = p.gather(-1, drawn[..., None])[..., 0].masked_fill(~open_, torch.inf)
            words = torch.where(open_, drawn, words)
            # The same share of the places is settled in each round.
            unsure = sure.argsort(-1)[:, : self.places * left // ROUNDS]
            words = words.scatter(-1, unsure, MASK)
        return self._codes(words)

    def _tubes(self, seen: Tensor, done: Tensor) -> Tensor:
        """[B, N, Z], [B, N, A] -> [B, P, D]."""
        digits = seen.round().long().unflatten(-1, (self.places, CODES)) + LEVELS // 2
        looks = functional.one_hot(digits, LEVELS).float().flatten(3)  # [B, N, P, C * LEVELS]
        actions = self.action_norm(done)[:, :, None].expand(-1, -1, self.places, -1)
        history = torch.cat([looks, actions], -1).transpose(1, 2).flatten(2)
        return self.tube(history) + self.place

    def _logits(self, tubes: Tensor, words: Tensor) -> Tensor:
        """[B, P, D] and a painting [B, P] -> [B, P, V]."""
        return self.to_word(self.encoder(tubes + self.word(words)))

    def _outcome(self, seen: Tensor, done: Tensor, codes: Tensor) -> Tensor:
        """[B, N, Z], [B, N, A], [B, Z] -> normalised reward and logit of an end, [B, 2]."""
        parts = (seen.flatten(1), self.action_norm(done).flatten(1), codes)
        return self.outcome(torch.cat(parts, -1))

    def _guess_from(self, seen: Tensor, done: Tensor) -> Tensor:
        parts = (seen[:, -READ:].flatten(1), self.action_norm(done)[:, -READ:].flatten(1))
        return torch.cat(parts, -1)

    def _words(self, codes: Tensor) -> Tensor:
        """Whole numbers [..., Z] -> words [..., P]."""
        digits = codes.round().long().unflatten(-1, (self.places, CODES)) + LEVELS // 2
        return (digits * self.powers).sum(-1)

    def _codes(self, words: Tensor) -> Tensor:
        """The inverse."""
        digits = words[..., None] // self.powers % LEVELS
        return (digits - LEVELS // 2).float().flatten(-2)

    def _even(self, like: Tensor, generator: torch.Generator) -> Tensor:
        return torch.rand(like.shape, generator=generator, device=like.device)
