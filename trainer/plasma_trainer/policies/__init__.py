# SPDX-License-Identifier: Apache-2.0
"""Policies, and how they learn from phantom paths."""

from plasma_trainer.policies.actor_critic import ActorCritic
from plasma_trainer.policies.gate import Gate
from plasma_trainer.policies.lora import (
    METHODS,
    Lora,
    Merging,
    load_adapter,
    merged,
    save_adapter,
    with_adapter,
    with_rank,
)
from plasma_trainer.policies.mlp import MlpPolicy, greedy, greedy_act
from plasma_trainer.policies.ppo import Ppo

__all__ = [
    "METHODS",
    "Merging",
    "load_adapter",
    "merged",
    "ActorCritic",
    "Gate",
    "Lora",
    "MlpPolicy",
    "Ppo",
    "greedy",
    "greedy_act",
    "save_adapter",
    "with_adapter",
    "with_rank",
]
