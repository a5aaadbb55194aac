"""Policies of every algorithm of Stable-Baselines3 and sb3-contrib, packed as they are, against themselves.

    .venv/bin/python benchmarks/sb3_policies.py

Each is trained with (about) rl-zoo's hyper-parameters, saved, packed by a plain `build` and flown: the same episodes by
`model.predict(deterministic=True)` and by the packet. Agreement is on the observations of the source's flights: equal
actions in percent where they are choices, else root mean square difference in percent of the action's range. A zip that
is there already (runs/sb3/NAME/model.zip) is not trained again. Needs sb3-contrib and gymnasium[box2d].
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import sb3_contrib as contrib
import stable_baselines3 as sb3
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.noise import NormalActionNoise
from stable_baselines3.common.vec_env import VecNormalize

import plasma_edge as pe
import plasma_pack as pp

RUNS = Path("runs/sb3")
RESULT = Path(__file__).parent / "results/sb3_policies.json"
FIRST_SEED = 50_000


@dataclass(frozen=True)
class Run:
    """A policy to train. kwargs: of the algorithm."""

    algorithm: Any
    env: str
    steps: int
    kwargs: dict[str, Any] = field(default_factory=dict)
    policy: str = "MlpPolicy"
    envs: int = 1
    normalised: bool = False

    @property
    def name(self) -> str:
        return f"{self.algorithm.__name__.lower()}-{self.env.split('-')[0].lower()}"


ON_CARTPOLE = {
    "n_steps": 32,
    "batch_size": 256,
    "gae_lambda": 0.8,
    "gamma": 0.98,
    "n_epochs": 20,
    "learning_rate": 1e-3,
}
Q_CARTPOLE = {
    "learning_rate": 2.3e-3,
    "batch_size": 64,
    "learning_starts": 1000,
    "target_update_interval": 10,
    "train_freq": 256,
    "gradient_steps": 128,
    "exploration_fraction": 0.16,
    "exploration_final_eps": 0.04,
    "policy_kwargs": {"net_arch": [256, 256]},
}
NOISE = {"action_noise": NormalActionNoise(np.zeros(1), 0.1 * np.ones(1)), "learning_rate": 1e-3}
LANDER = {
    "n_steps": 1024,
    "batch_size": 64,
    "gae_lambda": 0.98,
    "gamma": 0.999,
    "n_epochs": 4,
    "ent_coef": 0.01,
}
SWING = {
    "n_steps": 1024,
    "gae_lambda": 0.95,
    "gamma": 0.9,
    "n_epochs": 10,
    "learning_rate": 1e-3,
    "use_sde": True,
    "sde_sample_freq": 4,
}
TABLE = (
    Run(sb3.PPO, "CartPole-v1", 40_000, ON_CARTPOLE, envs=8),
    Run(sb3.A2C, "CartPole-v1", 100_000, envs=8),
    Run(sb3.DQN, "CartPole-v1", 50_000, Q_CARTPOLE),
    Run(
        contrib.QRDQN,
        "CartPole-v1",
        50_000,
        Q_CARTPOLE | {"policy_kwargs": {"net_arch": [256, 256], "n_quantiles": 10}},
    ),
    Run(contrib.TRPO, "CartPole-v1", 60_000, {"n_steps": 512, "gamma": 0.98}, envs=2),
    Run(contrib.ARS, "CartPole-v1", 60_000, {"n_delta": 8, "n_top": 4}, "LinearPolicy"),
    Run(
        contrib.RecurrentPPO,
        "CartPole-v1",
        30_000,
        {"n_steps": 128, "policy_kwargs": {"lstm_hidden_size": 64}},
        "MlpLstmPolicy",
        envs=8,
    ),
    Run(sb3.SAC, "Pendulum-v1", 5_000, {"learning_rate": 1e-3}),
    Run(sb3.TD3, "Pendulum-v1", 6_000, NOISE),
    Run(sb3.DDPG, "Pendulum-v1", 6_000, NOISE),
    Run(contrib.TQC, "Pendulum-v1", 4_000, {"learning_rate": 1e-3}),
    Run(sb3.PPO, "LunarLander-v3", 150_000, LANDER, envs=16),
    Run(sb3.PPO, "Pendulum-v1", 60_000, SWING, envs=4, normalised=True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--episodes", type=int, default=20)
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--env", action="store_true", help="measure in the environment itself")
    parser.add_argument("--only", default="", help="part of a name")
    args = parser.parse_args()
    torch.set_num_threads(1)
    rows = [measure(run, args) for run in TABLE if args.only in run.name]
    result = {
        "command": " ".join(["benchmarks/sb3_policies.py", *sys.argv[1:]]),
        "versions": {m.__name__: m.__version__ for m in (sb3, contrib, gym, torch)},
        "rows": rows,
    }
    if not args.only:
        RESULT.write_text(json.dumps(result, indent=1) + "\n")


def measure(run: Run, args: argparse.Namespace) -> dict[str, Any]:
    """Train, pack, fly both."""
    folder = RUNS / run.name
    if not (folder / "model.zip").exists():
        train(run, folder)
    model = run.algorithm.load(folder / "model.zip", device="cpu")
    key = Ed25519PrivateKey.generate()
    measured = run.env if args.env and args.weights == "auto" else None
    packet = pp.build(folder / "model.zip", key=key, weights=args.weights, env=measured)
    trust = key.public_key().public_bytes_raw()
    policy = pe.Policy.load(packet.data, trust=trust)
    normaliser = _normaliser(run, folder)
    env = gym.make(run.env)
    source, packed, agreement = [], [], []
    for seed in range(FIRST_SEED, FIRST_SEED + args.episodes):
        total, seen, actions = fly(env, seed, _predict(model, normaliser))
        source.append(total)
        policy.reset()
        agreement.append(_agreement(env, actions, [policy(obs) for obs in seen]))
        policy.reset()
        packed.append(fly(env, seed, policy)[0])
    row = {
        "name": run.name,
        "real_steps": run.steps,
        "agreement": float(np.mean(agreement)),
        "agreement_is": "% equal"
        if isinstance(env.action_space, gym.spaces.Discrete)
        else "rms % of range",
        "return_source": _mean(source),
        "return_packet": _mean(packed),
        "packet_bytes": len(packet.data),
    }
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()
    return row


def train(run: Run, folder: Path) -> None:
    env = make_vec_env(run.env, n_envs=run.envs, seed=0)
    env = VecNormalize(env) if run.normalised else env
    model = run.algorithm(run.policy, env, seed=0, device="cpu", **run.kwargs)
    model.learn(run.steps)
    model.save(folder / "model.zip")
    if run.normalised:
        env.save(str(folder / "vecnormalize.pkl"))


def _normaliser(run: Run, folder: Path) -> Any:
    if not run.normalised:
        return lambda obs: obs
    saved = VecNormalize.load(str(folder / "vecnormalize.pkl"), make_vec_env(run.env))
    return saved.normalize_obs


def _predict(model: Any, normaliser: Any) -> Any:
    """model.predict as a function of the observation alone, from the start of an episode."""
    state, is_start = None, np.ones(1, bool)

    def predict(obs: Any) -> Any:
        nonlocal state, is_start
        action, state = model.predict(
            normaliser(obs), state=state, episode_start=is_start, deterministic=True
        )
        is_start = np.zeros(1, bool)
        return action

    return predict


def fly(env: Any, seed: int, policy: Any) -> tuple[float, list[Any], list[Any]]:
    """Return, observations and actions of an episode."""
    obs, _ = env.reset(seed=seed)
    total, seen, actions, ended = 0.0, [], [], False
    while not ended:
        seen.append(obs)
        actions.append(policy(obs))
        obs, reward, terminated, truncated, _ = env.step(actions[-1])
        total += float(reward)
        ended = terminated or truncated
    return total, seen, actions


def _agreement(env: Any, wanted: list[Any], found: list[Any]) -> float:
    if isinstance(env.action_space, gym.spaces.Discrete):
        return float(100 * np.mean(np.ravel(wanted) == np.ravel(found)))
    span = env.action_space.high - env.action_space.low
    return float(100 * np.sqrt(np.mean(((np.array(wanted) - np.array(found)) / span) ** 2)))


def _mean(returns: list[float]) -> tuple[float, float]:
    """Mean and the half width of its 95 % interval."""
    return float(np.mean(returns)), float(1.96 * np.std(returns, ddof=1) / np.sqrt(len(returns)))


if __name__ == "__main__":
    main()
