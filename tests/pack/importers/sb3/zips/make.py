"""Makes the zips beside it, as people had them before Gymnasium: run once, in a venv of that time.

    python3.11 -m venv old && old/bin/pip install 'setuptools==65.5.0' 'wheel==0.38.4'
    old/bin/pip install --no-build-isolation 'gym==0.21.0' 'numpy==1.26.4' 'cloudpickle==2.2.1' 'pandas<2.2' torch
    old/bin/pip install --no-deps stable-baselines3==1.6.2
    old/bin/python -W ignore make.py

Each folder has model.zip, maybe vecnormalize.pkl, and flight.npz: the observations of some steps (obs, as the
environment gave them) and what `predict(deterministic=True)` made of them (actions).
"""

import sys
from pathlib import Path

import numpy as np
import stable_baselines3 as sb3
import torch
from stable_baselines3.common.env_util import make_vec_env
from stable_baselines3.common.vec_env import VecNormalize

HERE = Path(__file__).parent
SHARED = {"net_arch": [8, {"pi": [8], "vf": [8]}]}  # what version 1.8 did away with
SMALL = {"net_arch": [8, 8]}
ROWS = (
    ("ppo", sb3.PPO, "CartPole-v1", {"n_steps": 64, "policy_kwargs": SHARED}, False),
    ("a2c", sb3.A2C, "Pendulum-v1", {"policy_kwargs": SHARED, "use_sde": True}, True),
    ("sac", sb3.SAC, "Pendulum-v1", {"policy_kwargs": SMALL, "learning_starts": 20}, False),
)


def main() -> None:
    for name, algorithm, env_id, kwargs, is_normalised in ROWS:
        folder = HERE / name
        folder.mkdir(exist_ok=True)
        env = make_vec_env(env_id, seed=0)
        env = VecNormalize(env) if is_normalised else env
        model = algorithm("MlpPolicy", env, seed=0, device="cpu", **kwargs)
        model.learn(400)
        with torch.no_grad():  # so that actions differ from observation to observation
            for parameter in model.policy.parameters():
                parameter.add_(torch.randn(parameter.shape) * 0.5)
        model.save(folder / "model.zip", exclude=["policy.optimizer"])
        if is_normalised:
            env.save(str(folder / "vecnormalize.pkl"))
        obs = make_vec_env(env_id, seed=1).reset().repeat(40, axis=0)
        obs = obs + np.random.RandomState(0).normal(0, 4, obs.shape).astype(np.float32)
        seen = env.normalize_obs(obs) if is_normalised else obs
        actions, _ = model.predict(seen, deterministic=True)
        np.savez(folder / "flight.npz", obs=obs, actions=actions)
        sys.stdout.write(f"{name}: {sb3.__version__}, {actions.std(axis=0)}\n")


if __name__ == "__main__":
    main()
