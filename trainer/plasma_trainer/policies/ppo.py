# SPDX-License-Identifier: Apache-2.0
"""Proximal policy optimisation (Schulman et al., 2017) on whole batches of phantom paths."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from plasma_trainer.data import Paths
from plasma_trainer.policies.actor_critic import ActorCritic

GAE_LAMBDA = 0.95
EPOCHS = 8
MINIBATCH = 256
CLIP = 0.2
VALUE_WEIGHT = 0.5
MAX_KL = 0.03
MAX_GRAD_NORM = 0.5
LEARNING_RATE = 7e-4
SEGMENT_STEPS = 32  # of every path, between two updates

Roll = Callable[[Callable[[Tensor, torch.Generator], Tensor], int], Paths]
"""An exploring policy and a number of steps in, phantom paths out; see imagination.Phantoms.roll."""


def generalized_advantages(
    reward: Tensor,
    value: Tensor,
    next_value: Tensor,
    terminated: Tensor,
    ended: Tensor,
    discount: float,
) -> Tensor:
    """GAE (Schulman et al., 2016, eq. 16), all [T, B].

    A terminated step has no future; a truncated one has (next_value), but its trace stops there. That is the whole
    difference between the two.
    """
    delta = reward + discount * next_value * ~terminated - value
    trace = discount * GAE_LAMBDA * ~ended
    advantage, running = torch.empty_like(delta), torch.zeros_like(delta[0])
    for t in reversed(range(len(delta))):
        running = delta[t] + trace[t] * running
        advantage[t] = running
    return advantage


@dataclass(frozen=True)
class _Batch:
    """N = T * B flattened rows."""

    obs: Tensor
    action: Tensor
    log_prob: Tensor
    advantage: Tensor
    target: Tensor

    def rows(self, index: Tensor) -> _Batch:
        return _Batch(*(column[index] for column in vars(self).values()))


class Ppo:
    """Improves an ActorCritic from phantom paths. Returns are measured in the agent's `return_scale`."""

    def __init__(self, agent: ActorCritic, discount: float) -> None:
        self.agent, self.discount = agent, discount
        self.parameters = [p for p in agent.parameters() if p.requires_grad]
        self.optimizer = torch.optim.Adam(self.parameters, lr=LEARNING_RATE, eps=1e-5, fused=True)

    def practise(self, roll: Roll, iterations: int, seed: int) -> dict[str, float]:
        """Go on with the paths and learn, `iterations` times; the rate falls to 0. Returns the last figures."""
        generator = torch.Generator().manual_seed(seed)
        metrics: dict[str, float] = {}
        for iteration in range(iterations):
            paths = roll(self.agent.sample, SEGMENT_STEPS)
            metrics = self.update(paths, generator, rate=1.0 - iteration / iterations)
        return metrics

    def update(
        self, paths: Paths, generator: torch.Generator, rate: float = 1.0
    ) -> dict[str, float]:
        """Several epochs over `paths`, until one in which the policy had moved MAX_KL.

        `rate` is a share of LEARNING_RATE; whoever lowers it to 0 in the end gets a policy that has settled. Returns
        the last epoch's metrics.
        """
        for group in self.optimizer.param_groups:
            group["lr"] = LEARNING_RATE * rate
        batch = self._prepare(paths)
        size = len(batch.target)
        metrics = {"kl": 0.0, "value_loss": 0.0}
        self.agent.train()  # an adapter's dropout is for learning alone
        for _ in range(EPOCHS):
            order = torch.randperm(size, generator=generator).split(MINIBATCH)
            steps = torch.stack([self._step(batch.rows(index)) for index in order])
            metrics = dict(zip(metrics, steps.mean(0).tolist(), strict=True))
            if metrics["kl"] > MAX_KL:
                break
        self.agent.eval()
        return metrics

    def _step(self, batch: _Batch) -> Tensor:
        """One gradient step. Returns [2]: approximate KL before it, value loss."""
        loss, kl, value_loss = self._loss(batch)
        self.optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.parameters, MAX_GRAD_NORM)
        self.optimizer.step()
        return torch.stack([kl, value_loss])

    @torch.no_grad()
    def _prepare(self, paths: Paths) -> _Batch:
        value, next_value = self.agent.value(paths.obs), self.agent.value(paths.next_obs)
        reward = paths.reward / self.agent.return_scale
        advantage = generalized_advantages(
            reward, value, next_value, paths.terminated, paths.ended, self.discount
        )
        obs, action = paths.obs.flatten(0, 1), paths.action.flatten(0, 1)
        log_prob = self.agent.log_prob(obs, action)
        target = (advantage + value).flatten()
        flat = advantage.flatten()
        return _Batch(obs, action, log_prob, (flat - flat.mean()) / (flat.std() + 1e-8), target)

    def _loss(self, batch: _Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Clipped surrogate (eq. 7 and 9), approximate KL, value loss."""
        log_prob = self.agent.log_prob(batch.obs, batch.action)
        log_ratio = log_prob - batch.log_prob
        ratio = log_ratio.exp()
        clipped = ratio.clamp(1 - CLIP, 1 + CLIP)
        surrogate = torch.min(ratio * batch.advantage, clipped * batch.advantage).mean()
        value_loss = (self.agent.value(batch.obs) - batch.target).square().mean()
        loss = -surrogate + VALUE_WEIGHT * value_loss
        kl = (ratio - 1 - log_ratio).mean().detach()
        return loss, kl, value_loss.detach()
