# SPDX-License-Identifier: Apache-2.0
"""An environment of your own: register it with Gymnasium, train in it, sign the policy, fly the packet.

    python contrib/recipes/custom_environment.py [REAL_STEPS]

A cart is to be parked at 0. REAL_STEPS (default 1000) is the budget. Ends in one line of figures.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from rich.console import Console

import plasma_edge as pe
from plasma_pack import keygen
from plasma_trainer.envs import fly, make_plant
from plasma_trainer.pipelines.export import export_base
from plasma_trainer.pipelines.skills import load_skill
from plasma_trainer.pipelines.train import TrainArgs, train

STEP_S, STRONGEST = 0.1, 1.0  # seconds, m/s²
FAR = 5.0  # metres; beyond it an episode ends


class Parking(gym.Env[np.ndarray, np.ndarray]):
    """Observes position and velocity, acts by acceleration; each step costs the distance to 0."""

    observation_space = spaces.Box(-2 * FAR, 2 * FAR, (2,), np.float32)
    action_space = spaces.Box(-STRONGEST, STRONGEST, (1,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        super().reset(seed=seed)
        self._at = self.np_random.uniform([-1.0, -0.2], [1.0, 0.2]).astype(np.float32)
        return self._at.copy(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        force = float(np.clip(action, -STRONGEST, STRONGEST)[0])
        velocity = self._at[1] + STEP_S * force
        self._at = np.array([self._at[0] + STEP_S * velocity, velocity], np.float32)
        far = bool(abs(self._at[0]) > FAR)
        return self._at.copy(), -float(abs(self._at[0])) - 50.0 * far, far, False, {}


# A time limit and a threshold: the trainer asks for both. A server knows what is registered where it is started.
gym.register("Parking-v0", Parking, max_episode_steps=100, reward_threshold=-20.0)


def main(folder: Path, real_steps: int) -> None:
    torch.set_num_threads(1)
    key, packet = folder / "release.pem", folder / "parking.plasma"
    keygen(key)
    asked = TrainArgs("Parking-v0", real_steps=real_steps)
    result = train(asked, folder / "run", Console(stderr=True))
    export_base(load_skill(folder / "run"), key, packet, audit=None)
    policy = pe.Policy.load(packet, trust=key.with_suffix(".pub"))
    flown = fly(make_plant("Parking-v0"), policy, seed=0)
    sys.stdout.write(
        f"{'solved' if result.solved else 'not solved'} with {result.real_steps} real steps; "
        f"the packet of {packet.stat().st_size} bytes returns {flown.total:.1f} in {len(flown.rewards)} steps\n"
    )


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        main(Path(scratch), int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
