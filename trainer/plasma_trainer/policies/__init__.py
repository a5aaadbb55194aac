"""Policies, and how they learn from phantom paths."""

from plasma_trainer.policies.actor_critic import ActorCritic
from plasma_trainer.policies.lora import load_adapter, save_adapter, with_adapter
from plasma_trainer.policies.mlp import MlpPolicy, greedy_act
from plasma_trainer.policies.ppo import Ppo

__all__ = ["ActorCritic", "MlpPolicy", "Ppo", "greedy_act", "load_adapter", "save_adapter", "with_adapter"]
