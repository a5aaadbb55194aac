# SPDX-License-Identifier: Apache-2.0
"""Which plant is this? A small network that reads it off what the last action did, and remembers.

A classifier judges single transitions; a Bayes filter adds up its judgements over time, as a hidden Markov model does
whose plant seldom changes (Rabiner, 1989, eq. 20). A robot is told the likeliest plant's adapter, wholly: halfway
between two skills often lies none.

Shapes: N rows, O observation, A action, P plants; plant 0 is the one that the base was trained on.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from plasma_trainer.nets import Normalizer, mlp
from plasma_trainer.policies.mlp import MlpPolicy

HIDDEN = 64
INPUT_CLIP = 5.0  # standard deviations
CHANGE_RATE = 0.01  # of plants, per tick: how soon evidence against an old belief is believed
MOST_EVIDENCE = 3.0  # of one transition, as a logit: no single one decides


class Gate(nn.Module):
    """What a robot computes beside its policy: obs, the action before it, memory -> a gain per adapter, and memory.

    The memory is the observation `before`, the `belief` in each plant, and `begun`, 0 at the first tick of an episode:
    there nothing was seen to move yet. A runtime resets all to 0.
    """

    def __init__(self, base: MlpPolicy, plants: int) -> None:
        super().__init__()
        self.discrete, self.action_size = base.discrete, base.action_size
        self.obs_size, self.plants = len(base.obs_norm.mean), plants
        if not self.discrete:
            self.register_buffer("scale", base.scale.clone())
            self.register_buffer("offset", base.offset.clone())
        self.obs_norm = Normalizer(self.obs_size, INPUT_CLIP)
        self.change_norm = Normalizer(self.obs_size, INPUT_CLIP)
        inputs = 2 * self.obs_size + self.action_size
        self.net = mlp((inputs, HIDDEN, HIDDEN, plants), nn.Tanh, output_gain=0.01)

    def adopt(self, obs: Tensor, next_obs: Tensor) -> None:
        """Take scales from transitions, both [N, O]."""
        change = next_obs - obs
        self.obs_norm.fit(obs.mean(0), obs.std(0))
        self.change_norm.fit(change.mean(0), change.std(0))

    def evidence(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> Tensor:
        """Logits [N, P] of the plants that a transition may come from; action [N, A], of discrete ones [N, 1]."""
        moved = self.change_norm(next_obs - obs)
        x = torch.cat([self.obs_norm(obs), self._encode(action), moved], -1)
        return MOST_EVIDENCE * torch.tanh(self.net(x) / MOST_EVIDENCE)

    def loss(self, obs: Tensor, action: Tensor, next_obs: Tensor, plant: Tensor) -> Tensor:
        """Cross-entropy of transitions whose plants [N] are known."""
        return functional.cross_entropy(self.evidence(obs, action, next_obs), plant)

    def blank(self) -> tuple[Tensor, Tensor, Tensor]:
        """The memory of an episode that has not begun."""
        return torch.zeros(1, self.obs_size), torch.zeros(1, self.plants), torch.zeros(1, 1)

    def forward(
        self, obs: Tensor, action: Tensor, before: Tensor, belief: Tensor, begun: Tensor
    ) -> tuple[Tensor, ...]:
        """All [1, ...]. Returns a gain [1, 1] for each plant but the base's, then the memory."""
        evidence = begun * self.evidence(before, action, obs)
        expected = (1.0 - CHANGE_RATE) * belief + CHANGE_RATE / self.plants
        believed = torch.softmax(torch.log(expected) + evidence, -1)
        chosen = functional.one_hot(believed.argmax(-1), self.plants).float()
        return *chosen[:, 1:].split(1, -1), obs, believed, (begun + 1.0).clamp(0.0, 1.0)

    def _encode(self, action: Tensor) -> Tensor:
        """[N, 1] or [N, A] -> [N, A] of the size of 1."""
        if self.discrete:
            return (action == torch.arange(self.action_size)).float()
        return (action - self.offset) / self.scale
