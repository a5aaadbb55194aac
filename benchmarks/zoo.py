# SPDX-License-Identifier: Apache-2.0
"""Settings of rl-baselines3-zoo (hyperparams/*.yml), by task and algorithm, the likeliest first.

The zoo has no SAC, TD3 or TQC for InvertedPendulum and Reacher; there they run with the library's own defaults, which
begin to learn after 100 steps, not after the 10,000 of the zoo's other MuJoCo tasks.
"""

from __future__ import annotations

from typing import Any

_WIDE = {"net_arch": [256, 256]}
_DQN = {
    "n_timesteps": 100_000,
    "learning_rate": 6.3e-4,
    "batch_size": 128,
    "buffer_size": 50_000,
    "learning_starts": 0,
    "gamma": 0.99,
    "target_update_interval": 250,
    "train_freq": 4,
    "gradient_steps": -1,
    "exploration_fraction": 0.12,
    "exploration_final_eps": 0.1,
    "policy_kwargs": _WIDE,
}
_SPARSE = {
    "n_timesteps": 50_000,
    "learning_rate": 3e-4,
    "buffer_size": 50_000,
    "batch_size": 512,
    "ent_coef": 0.1,
    "train_freq": 32,
    "gradient_steps": 32,
    "gamma": 0.9999,
    "tau": 0.01,
    "learning_starts": 0,
    "use_sde": True,
    "policy_kwargs": {"log_std_init": -3.67, "net_arch": [64, 64]},
}
_DEFAULTS = {"n_timesteps": 300_000}

ZOO: dict[str, dict[str, dict[str, Any]]] = {
    "CartPole-v1": {
        "PPO": {
            "n_envs": 8,
            "n_timesteps": 100_000,
            "n_steps": 32,
            "batch_size": 256,
            "gae_lambda": 0.8,
            "gamma": 0.98,
            "n_epochs": 20,
            "ent_coef": 0.0,
            "learning_rate": "lin_0.001",
            "clip_range": "lin_0.2",
        },
        "DQN": {
            "n_timesteps": 50_000,
            "learning_rate": 2.3e-3,
            "batch_size": 64,
            "buffer_size": 100_000,
            "learning_starts": 1000,
            "gamma": 0.99,
            "target_update_interval": 10,
            "train_freq": 256,
            "gradient_steps": 128,
            "exploration_fraction": 0.16,
            "exploration_final_eps": 0.04,
            "policy_kwargs": _WIDE,
        },
    },
    "Pendulum-v1": {
        "SAC": {"n_timesteps": 20_000, "learning_rate": 1e-3},
        "TQC": {"n_timesteps": 20_000, "learning_rate": 1e-3},
        "TD3": {
            "n_timesteps": 20_000,
            "gamma": 0.98,
            "buffer_size": 200_000,
            "learning_starts": 1000,
            "noise_std": 0.1,
            "learning_rate": 1e-3,
            "policy_kwargs": {"net_arch": [400, 300]},
        },
        "PPO": {
            "n_envs": 4,
            "n_timesteps": 100_000,
            "n_steps": 1024,
            "gae_lambda": 0.95,
            "gamma": 0.9,
            "n_epochs": 10,
            "ent_coef": 0.0,
            "learning_rate": 1e-3,
            "clip_range": 0.2,
            "use_sde": True,
            "sde_sample_freq": 4,
        },
    },
    "InvertedPendulum-v5": {
        "SAC": _DEFAULTS,
        "TQC": _DEFAULTS,
        "TD3": {**_DEFAULTS, "noise_std": 0.1},
        "PPO": {
            "normalize": True,
            "n_timesteps": 1_000_000,
            "batch_size": 64,
            "n_steps": 32,
            "gamma": 0.999,
            "learning_rate": 2.22425e-4,
            "ent_coef": 1.37976e-7,
            "clip_range": 0.4,
            "n_epochs": 5,
            "gae_lambda": 0.9,
            "max_grad_norm": 0.3,
            "vf_coef": 0.19816,
        },
    },
    "Acrobot-v1": {
        "DQN": _DQN,
        "PPO": {
            "normalize": True,
            "n_envs": 16,
            "n_timesteps": 1_000_000,
            "n_steps": 256,
            "gae_lambda": 0.94,
            "gamma": 0.99,
            "n_epochs": 4,
            "ent_coef": 0.0,
        },
    },
    "Reacher-v5": {
        "SAC": _DEFAULTS,
        "TQC": _DEFAULTS,
        "TD3": {**_DEFAULTS, "noise_std": 0.1},
        "PPO": {
            "normalize": True,
            "n_timesteps": 1_000_000,
            "batch_size": 32,
            "n_steps": 512,
            "gamma": 0.9,
            "learning_rate": 1.04019e-4,
            "ent_coef": 7.52585e-8,
            "clip_range": 0.3,
            "n_epochs": 5,
            "gae_lambda": 1.0,
            "max_grad_norm": 0.9,
            "vf_coef": 0.950368,
        },
    },
    "MountainCarContinuous-v0": {
        "SAC": _SPARSE,
        "TQC": _SPARSE,
        "TD3": {"n_timesteps": 300_000, "ou_noise_std": 0.5},
        "PPO": {
            "normalize": True,
            "n_timesteps": 20_000,
            "batch_size": 256,
            "n_steps": 8,
            "gamma": 0.9999,
            "learning_rate": 7.77e-5,
            "ent_coef": 0.00429,
            "clip_range": 0.1,
            "n_epochs": 10,
            "gae_lambda": 0.9,
            "max_grad_norm": 5,
            "vf_coef": 0.19,
            "use_sde": True,
            "policy_kwargs": {"log_std_init": -3.29, "ortho_init": False},
        },
    },
    "plasma/NavigateMaze-v0": {
        "PPO": {"n_timesteps": 100_000},
        "DQN": _DQN,
    },
    "LunarLander-v3": {
        "DQN": _DQN,
        "PPO": {
            "n_envs": 16,
            "n_timesteps": 1_000_000,
            "n_steps": 1024,
            "batch_size": 64,
            "gae_lambda": 0.98,
            "gamma": 0.999,
            "n_epochs": 4,
            "ent_coef": 0.01,
        },
    },
}
