# SPDX-License-Identifier: Apache-2.0
"""The network pieces every model here is built from: a plain MLP, a batch of MLPs, a normaliser."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

MEMBERS = 5  # of whatever judges its own ignorance by disagreement


def mlp(sizes: Sequence[int], activation: type[nn.Module], output_gain: float) -> nn.Sequential:
    """Linear layers with `activation` between them, orthogonally initialised (Saxe et al., 2014).

    `output_gain` scales the last layer: small for a policy, so that it starts undecided; 1 for a value.
    """
    layers: list[nn.Module] = []
    for index, (inputs, outputs) in enumerate(zip(sizes[:-1], sizes[1:], strict=True)):
        last = index == len(sizes) - 2
        linear = nn.Linear(inputs, outputs)
        nn.init.orthogonal_(linear.weight, output_gain if last else math.sqrt(2.0))
        nn.init.zeros_(linear.bias)
        layers += [linear] if last else [linear, activation()]
    return nn.Sequential(*layers)


def normed_mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Linear layers with layer normalisation and SiLU between them: what a memory feeds must not mind its scale."""
    layers: list[nn.Module] = []
    for inputs, outputs in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(inputs, outputs), nn.LayerNorm(outputs), nn.SiLU()]
    return nn.Sequential(*layers, nn.Linear(sizes[-2], sizes[-1]))


class MemberLinear(nn.Module):
    """M independent linear layers in one matrix product: x [M, B, in] -> [M, B, out]."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        bound = 1.0 / math.sqrt(inputs)
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.zeros(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        return torch.baddbmm(self.bias, x, self.weight)


def member_mlp(members: int, inputs: int, hidden: int, outputs: int) -> nn.Sequential:
    """M independent MLPs with two hidden layers and SiLU (smooth, so learnt dynamics are smooth)."""
    return nn.Sequential(
        MemberLinear(members, inputs, hidden),
        nn.SiLU(),
        MemberLinear(members, hidden, hidden),
        nn.SiLU(),
        MemberLinear(members, hidden, outputs),
    )


def deal(rows: Tensor) -> Tensor:
    """[N, ...] -> [M, N // M, ...]: every member its own rows, as its own minibatch; up to M - 1 are left over.

    Members that start and learn differently differ where there was no data (Lakshminarayanan et al., 2017).
    """
    share = len(rows) // MEMBERS
    return rows[: share * MEMBERS].unflatten(0, (share, MEMBERS)).transpose(0, 1)


def spread(prediction: Tensor) -> Tensor:
    """Members' predictions [M, B, D] -> root mean square over D of their standard deviation, [B]."""
    return prediction.var(0).mean(-1).sqrt()


class Normalizer(nn.Module):
    """(x - mean) * inv_std, clipped to [-clip, clip]: the same three operations an edge runtime performs."""

    mean: Tensor  # [size]
    inv_std: Tensor  # [size]

    def __init__(self, size: int, clip: float) -> None:
        super().__init__()
        self.clip = clip
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("inv_std", torch.ones(size))

    def forward(self, x: Tensor) -> Tensor:
        return ((x - self.mean) * self.inv_std).clamp(-self.clip, self.clip)

    def fit(self, mean: Tensor, std: Tensor) -> None:
        """Adopt new statistics, both [size]; a constant input (std 0) is passed through unscaled."""
        self.mean.copy_(mean)
        self.inv_std.copy_(1.0 / torch.where(std > 1e-6, std, torch.ones_like(std)))

    def refit_before(self, linear: nn.Linear, mean: Tensor, std: Tensor) -> None:
        """Adopt new statistics and rewrite the following layer so that their composition does not change.

        Inside the clip, W n(x) + b is the same function before and after (van Hasselt et al., 2016, applied to
        inputs). A policy can therefore follow its data without being knocked off course at every refit.
        """
        old_mean, old_inv_std = self.mean.clone(), self.inv_std.clone()
        self.fit(mean, std)
        with torch.no_grad():
            linear.bias += linear.weight @ ((self.mean - old_mean) * old_inv_std)
            linear.weight *= old_inv_std / self.inv_std
