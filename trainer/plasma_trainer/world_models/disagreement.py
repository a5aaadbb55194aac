# SPDX-License-Identifier: Apache-2.0
"""How a recurrent world knows what it does not know: small networks that guess its next latent, and differ.

Fitted to the same real steps, they agree where there were any (Plan2Explore, Sekar et al., 2020). A mixture or a
categorical cannot say that: its width is what the world knows about chance, also far from all data.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from plasma_trainer.nets import MEMBERS, deal, member_mlp, spread

HIDDEN = 64
TRUST_QUANTILE = 0.99  # of the disagreement on held-out real steps ...
TRUST_FACTOR = 3.0  # ... times this is the most a world believes itself


class Disagreement(nn.Module):
    """M guesses of a target [N, D] from inputs [N, F]; what counts is how far apart they are."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.guess = member_mlp(MEMBERS, inputs, HIDDEN, outputs)
        self.register_buffer("trusted", torch.tensor(torch.inf))

    def loss(self, x: Tensor, target: Tensor) -> Tensor:
        """Mean squared error; every member sees its own rows. What is guessed from is not shaped by the guessing."""
        return (self.guess(deal(x.detach())) - deal(target.detach())).square().mean()

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """[N, F] -> uncertainty [N], in units of the target, and lost [N] bool."""
        uncertainty = spread(self.guess(x.expand(MEMBERS, *x.shape)))
        return uncertainty, uncertainty > self.trusted

    def calibrate(self, x: Tensor) -> None:
        """Learn, from inputs [N, F] at real steps that were held out, how much disagreement is normal."""
        self.trusted.copy_(TRUST_FACTOR * self(x)[0].quantile(TRUST_QUANTILE))
