# SPDX-License-Identifier: Apache-2.0
"""A learner whose plant has changed, under a policy and a world that knew it as it was."""

from __future__ import annotations

import copy
from typing import Any

import gymnasium as gym
import torch
from torch import nn

from plasma_trainer.data import Transitions
from plasma_trainer.nets import MEMBERS
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.world_models import Ensemble

REWARD_LIMIT = 0.015  # of the variance of rewards may be left unexplained: motors leave up to 0.8 %, a bias 3 %
END_LIMIT = 1.5  # times what one pays who knows only how often episodes end: a base has seen few ends, and of one kind
END_SLACK = 0.02  # nats, where none ended


class Relearner(Learner):
    """Uses the base's experience for as long as the plant bears it out.

    A broken motor changes how the plant moves, not what a step is worth: the base's experience still tells rewards and
    ends. A swapped sensor changes what an observation means, and with it both. So every block of real steps asks
    whether the base's world foretells their rewards and ends; if not, its experience is left out.
    """

    def __init__(
        self,
        plant: gym.Env[Any, Any],
        policy: nn.Module,
        base: Learner,
        seed: int,
    ) -> None:
        super().__init__(plant, policy, copy.deepcopy(base.world), base.discount, seed, base.data)
        self.base = base

    def live(self, steps: int, index: int) -> Transitions:
        block = super().live(steps, index)
        self._judge_past()
        return block

    def learn_from(self, log: Transitions) -> None:
        """Take these real steps of the changed plant for its experience."""
        self.data = log
        self._judge_past()

    def restore(self, state: dict[str, Any]) -> None:
        super().restore(state)
        self._judge_past()

    def _judge_past(self) -> None:
        assert self.data is not None
        self.past = self.base.data if foretells(self.base.world, self.data) else None


@torch.no_grad()
def foretells(world: Ensemble, data: Transitions) -> bool:
    """Whether the outcomes of real steps are those that `world` would have expected of such steps."""
    columns = {name: c.expand(MEMBERS, *c.shape) for name, c in data.tensors().items()}
    _, metrics = world.outcome_loss(columns)
    rate = columns["terminated"].float().mean()
    entropy = torch.special.entr(rate) + torch.special.entr(1 - rate)
    rewards = metrics["reward_mse"] <= REWARD_LIMIT
    return bool(rewards and metrics["end_bce"] <= END_LIMIT * entropy + END_SLACK)
