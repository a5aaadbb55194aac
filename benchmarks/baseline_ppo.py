"""Learning curve of Stable-Baselines3's PPO on CartPole-v1, with rl-zoo's hyper-parameters: the line to beat.

    .venv/bin/python benchmarks/baseline_ppo.py --seeds 5

Every `--every` real steps, ten deterministic episodes of a fresh environment; they do not count as real steps. A seed
is solved at the first evaluation whose mean return reaches the threshold. Writes one JSON that the demo's report draws.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import stable_baselines3
import torch
from stable_baselines3 import PPO
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.evaluation import evaluate_policy

ENV_ID = "CartPole-v1"
THRESHOLD = 475.0
BUDGET = 100_000
# rl-baselines3-zoo, hyperparams/ppo.yml, CartPole-v1; lr and clip range fall linearly to 0 over BUDGET.
SETTINGS: dict[str, Any] = {
    "n_steps": 32,
    "batch_size": 256,
    "gae_lambda": 0.8,
    "gamma": 0.98,
    "n_epochs": 20,
    "ent_coef": 0.0,
    "learning_rate": lambda left: left * 1e-3,
    "clip_range": lambda left: left * 0.2,
}
OUT = Path(__file__).parents[1] / "trainer/plasma_trainer/demo/ppo_cartpole.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--every", type=int, default=1024, help="real steps between evaluations")
    args = parser.parse_args()
    torch.set_num_threads(1)
    curves = [learning_curve(seed, args.every) for seed in range(args.seeds)]
    result = {
        "command": f"benchmarks/baseline_ppo.py --seeds {args.seeds} --every {args.every}",
        "env": ENV_ID,
        "threshold": THRESHOLD,
        "versions": {
            "stable_baselines3": stable_baselines3.__version__,
            "gymnasium": gym.__version__,
            "torch": torch.__version__,
        },
        "curves": curves,
        "median_real_steps": float(np.median([curve["solved_at"] for curve in curves])),
    }
    OUT.write_text(json.dumps(result, indent=1) + "\n")
    solved = [curve["solved_at"] for curve in curves]
    sys.stdout.write(f"PPO {ENV_ID}: solved at {solved} real steps, written to {OUT}\n")


def learning_curve(seed: int, every: int) -> dict[str, Any]:
    """Real steps and mean returns of one seed, up to and including the evaluation that solves it."""
    agent = PPO(
        "MlpPolicy", make_vec_env(ENV_ID, n_envs=8, seed=seed), seed=seed, device="cpu", **SETTINGS
    )
    evaluation_env = make_vec_env(ENV_ID, n_envs=1, seed=10_000 + seed)
    steps, returns = [], []

    def evaluate(locals_: dict[str, Any], globals_: dict[str, Any]) -> bool:
        if agent.num_timesteps % every:
            return True
        mean, _ = evaluate_policy(agent, evaluation_env, n_eval_episodes=10, deterministic=True)
        steps.append(agent.num_timesteps)
        returns.append(float(mean))
        return mean < THRESHOLD

    agent.learn(BUDGET, callback=evaluate)
    return {"seed": seed, "real_steps": steps, "returns": returns, "solved_at": steps[-1]}


if __name__ == "__main__":
    main()
