# SPDX-License-Identifier: Apache-2.0
"""A policy in its dream and in reality, from the same start: two films of one cart and pole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from PIL import Image

from plasma_trainer.demo.film import captioned, save_gif
from plasma_trainer.envs import fly, make_plant
from plasma_trainer.imagination import simulate
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.policies import greedy, greedy_act

TICKS = 200
STRIDE = 2  # ticks between two frames
OVER = 12  # frames for which a film rests on what came of it
GREY, RED = "#555555", "#c0392b"


def film(learner: Learner, directory: Path, seed: int) -> None:
    """Write dream.gif and real.gif: at most TICKS ticks of what the world says, and of what is."""
    plant = make_plant("CartPole-v1", render_mode="rgb_array")
    frames: list[Image.Image] = []

    def on_tick(tick: int) -> None:
        if tick < TICKS and tick % STRIDE == 0:
            frames.append(captioned(plant.render(), f"reality, tick {tick}", GREY))

    episode = fly(plant, greedy_act(learner.policy), seed, on_tick)
    if episode.terminated:
        frames += [
            captioned(plant.render(), f"reality: fell at {len(episode.rewards)}", RED)
        ] * OVER
    save_gif(frames, directory / "real.gif")
    save_gif(_dreamt(learner, plant, episode.first_obs), directory / "dream.gif")
    plant.close()


def _dreamt(learner: Learner, plant: gym.Env[Any, Any], first_obs: np.ndarray) -> list[Image.Image]:
    """The same start, as the world goes on from it; drawn by the real renderer."""
    start = learner.world.start(torch.from_numpy(first_obs)[None])
    policy = learner.policy
    path = simulate(learner.world, lambda obs, _: greedy(policy, obs), start, 1, TICKS, seed=0)
    length = int(path.in_first_episode.sum())
    frames = []
    for tick in range(0, length, STRIDE):
        plant.unwrapped.state = path.obs[tick, 0].numpy()  # type: ignore[attr-defined]
        frames.append(captioned(plant.render(), f"the dream, tick {tick}", GREY))
    return frames
