# SPDX-License-Identifier: Apache-2.0
"""A world is learnt from a few hundred real steps; then the same policy acts in reality and in imagination.

    python contrib/recipes/basic_simulation.py

Ends in one line: how long the episodes of a random policy are in both.
"""

from __future__ import annotations

import sys

import numpy as np
import torch

from plasma_trainer.data import collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.imagination import DreamVectorEnv
from plasma_trainer.world_models import Ensemble, fit

REAL_STEPS, UPDATES, DREAMS, LONGEST = 500, 500, 64, 200


def main() -> None:
    torch.manual_seed(0)
    plant = make_plant("CartPole-v1")
    act = random_act(plant.action_space, seed=0)
    real = collect(plant, act, steps=REAL_STEPS, seed=0, longest=LONGEST)

    world = Ensemble(obs_size=4, action_size=2, discrete=True)
    columns = real.tensors()
    fit(world, columns, columns, updates=UPDATES, seed=0)

    dream = DreamVectorEnv(
        world,
        torch.from_numpy(real.reset_obs),
        plant.observation_space,
        plant.action_space,
        num_envs=DREAMS,
        max_steps=LONGEST,
        lost_return=None,
    )
    obs, _ = dream.reset(seed=0)
    ended_after: list[int] = []
    age = np.zeros(DREAMS, int)
    for _ in range(LONGEST):
        obs, _, terminated, truncated, _ = dream.step(np.array([act(each) for each in obs]))
        age += 1
        over = terminated | truncated
        ended_after += age[over].tolist()
        age[over] = 0
    lived = REAL_STEPS / len(real.reset_obs)
    sys.stdout.write(
        f"episodes last {lived:.0f} steps in reality, {np.mean(ended_after):.0f} in the imagination of "
        f"{REAL_STEPS} real steps ({len(ended_after)} imagined episodes)\n"
    )


if __name__ == "__main__":
    main()
