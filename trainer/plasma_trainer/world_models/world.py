# SPDX-License-Identifier: Apache-2.0
"""What every world can do, whatever it is made of.

    state = world.start(obs)                            the first observation of an episode
    state = world.observe(state, action, obs)           with data: what to believe after the real step
    step = world.imagine(state, action, generator)      without: one step that never happened
    loss, metrics = world.loss(sequences, generator)    how wrong it is about real ones

The one decision: a state is a row of numbers per life, [B, S], and only its world knows what they mean. So whoever
keeps, gathers, mixes or stacks states needs to know nothing of recurrence, latents or pixels.

Shapes: B batch, T steps, S state, F features, O observation (a vector, or [C, H, W] of uint8 frames).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.data import Sequences
from plasma_trainer.errors import UsageError

Loss = tuple[Tensor, dict[str, Tensor]]
"""What to minimise, and scalars to watch, without gradients."""


class Imagined(NamedTuple):
    """One step that never happened: state [B, S]; reward, end_logit, uncertainty [B]; lost [B] bool.

    `uncertainty` grows with what the world cannot know; its unit is the world's own. `lost` means that it is beyond
    what the world was right about: it has no ground for this step, and none for what would follow.
    """

    state: Tensor
    reward: Tensor
    end_logit: Tensor
    uncertainty: Tensor
    lost: Tensor

    @property
    def terminated(self) -> Tensor:
        """[B] bool: the world believes that the episode ended here.

        Drawing it instead would give every step a small risk of a sudden end, which over hundreds of steps is all of
        the return.
        """
        return self.end_logit > 0


class World(nn.Module, ABC):
    """A learnt environment. Knows tensors only: no environment, no file.

    From new to usable: `adopt` the real data's ranges, minimise `loss`, `calibrate` on episodes it was not fitted to.

    `temperature` (a scalar buffer, 1 at first) is how wild imagination is: chance counts for more above 1, and a policy
    finds it harder to cheat (τ of Ha & Schmidhuber, 2018).
    """

    state_size: int
    feature_size: int
    temperature: Tensor

    def __init__(self, obs_shape: tuple[int, ...], action_size: int, discrete: bool) -> None:
        super().__init__()
        self.obs_shape, self.action_size, self.discrete = obs_shape, action_size, discrete
        self.register_buffer("temperature", torch.tensor(1.0))

    @abstractmethod
    def start(self, obs: Tensor) -> Tensor:
        """First observations [B, O] -> states [B, S]."""

    @abstractmethod
    def observe(self, state: Tensor, action: Tensor, obs: Tensor) -> Tensor:
        """States [B, S] after `action` led to `obs` [B, O]. Deterministic: a robot does the same."""

    @abstractmethod
    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        """One imagined step for every row of state [B, S]. Equal generators give equal bits."""

    @abstractmethod
    def features(self, state: Tensor) -> Tensor:
        """[B, S] -> [B, F]: what a policy may read."""

    @abstractmethod
    def decode(self, state: Tensor) -> Tensor:
        """[B, S] -> [B, O] float32: the observation to expect. Frames are within [0, 255]."""

    @abstractmethod
    def loss(self, batch: Sequences, generator: torch.Generator) -> Loss:
        """How wrong the world is about real stretches, for an optimiser."""

    @abstractmethod
    def adopt(self, data: Sequences) -> None:
        """Take scales and ranges from real experience, before fitting."""

    @abstractmethod
    def calibrate(self, held_out: Sequences) -> None:
        """Learn how wrong the fitted world usually is, from episodes that it was not fitted to."""

    def encode_action(self, action: Tensor) -> Tensor:
        """Environment actions [...] int64 or [..., A] float -> features [..., A]."""
        return functional.one_hot(action, self.action_size).float() if self.discrete else action

    @torch.no_grad()
    def filter(self, batch: Sequences) -> Tensor:
        """States [B, T + 1, S] along real stretches: `start`, then `observe` step by step."""
        states = [self.start(batch.obs[:, 0])]
        for t in range(batch.action.shape[1]):
            states.append(self.observe(states[-1], batch.action[:, t], batch.obs[:, t + 1]))
        return torch.stack(states, 1)

    def check(self, batch: Sequences) -> None:
        """Raise UsageError when these stretches are of another environment."""
        found = tuple(batch.obs.shape[2:])
        if found != self.obs_shape:
            raise UsageError(
                f"observations have shape {found}; this world was made for {self.obs_shape}; "
                "fit it to a log of the environment it was made for"
            )
        wanted = 2 if self.discrete else 3
        if (
            batch.action.dim() != wanted
            or not self.discrete
            and batch.action.shape[2] != self.action_size
        ):
            raise UsageError(
                f"actions have shape {tuple(batch.action.shape[2:])} a step; this world was made for "
                f"{'one integer' if self.discrete else f'{self.action_size} numbers'} a step"
            )


def masked_mean(values: Tensor, real: Tensor) -> Tensor:
    """Mean of values [B, T] over the real steps."""
    return (values * real).sum() / real.sum()
