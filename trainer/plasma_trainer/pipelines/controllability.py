# SPDX-License-Identifier: Apache-2.0
"""Does an imagined frame obey the action?

From the same place, every action is held for HOLD steps, really and in imagination. The real frame that an imagined one
is nearest to says which action it obeyed. Where walls or time make real frames equal, no world can tell them apart: the
same measure of the real frames themselves is the most that can be reached.

Shapes: N places, K actions, frames [C, H, W] uint8.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from plasma_trainer.data import derive
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.open_loop import CONTEXT
from plasma_trainer.world_models import World

FURTHEST = 48  # random steps from the first reset to a place
HOLD = 8  # a torque must act for a while before it is seen


@dataclass(frozen=True)
class Forks:
    """obs [N, CONTEXT + 1, C, H, W] and action [N, CONTEXT, ...] lead to N places; from each, tried [K, ...] led to
    after [N, K, C, H, W]."""

    obs: Tensor
    action: Tensor
    tried: Tensor
    after: Tensor


def fork(plant: gym.Env[Any, Any], seed: int, places: int) -> Forks:
    """Fly to places at random, once for each action. Raises UsageError when the plant does not repeat itself."""
    tried = _actions(plant.action_space)
    columns = []
    for place in range(places):
        flights = [_flight(plant, action, derive(seed, "place", place)) for action in tried]
        obs, action, after = (np.stack(column) for column in zip(*flights, strict=True))
        if (obs != obs[:1]).any():
            raise UsageError(
                "the plant went elsewhere with the same seed and the same actions; whether a world obeys can only be "
                "asked of one that repeats itself"
            )
        columns.append((obs[0], action[0], after))
    obs, action, after = (torch.from_numpy(np.stack(c)) for c in zip(*columns, strict=True))
    return Forks(obs, action, torch.from_numpy(tried), after)


@torch.no_grad()
def controllability(world: World, forks: Forks, seed: int) -> float:
    """Share of imagined frames that obey their action; 1 / K by chance."""
    device = world.temperature.device
    obs, action = forks.obs.to(device), forks.action.to(device)
    state = world.start(obs[:, 0])
    for t in range(CONTEXT):
        state = world.observe(state, action[:, t], obs[:, t + 1])
    state = state.repeat_interleave(len(forks.tried), 0)
    held = forks.tried.to(device).repeat(len(obs), *[1] * (forks.tried.dim() - 1))
    generator = torch.Generator(device).manual_seed(seed)
    for _ in range(HOLD):
        state = world.imagine(state, held, generator).state
    return obeyed(world.decode(state).unflatten(0, forks.after.shape[:2]).cpu(), forks.after)


def obeyed(frames: Tensor, after: Tensor) -> float:
    """Share of frames [N, K, ...] whose nearest of the K real ones is that of their own action; ties are shared."""
    distance = torch.cdist(frames.float().flatten(2), after.float().flatten(2))  # [N, K, K]
    nearest = distance <= distance.amin(-1, keepdim=True)
    own = nearest.diagonal(dim1=1, dim2=2)
    return float((own / nearest.sum(-1)).mean())


def _actions(space: spaces.Space[Any]) -> np.ndarray:
    """Every discrete action; or the least, the middle and the greatest."""
    if isinstance(space, spaces.Discrete):
        return np.arange(space.n)
    assert isinstance(space, spaces.Box)
    return np.stack([space.low, (space.low + space.high) / 2, space.high]).astype(np.float32)


def _flight(
    plant: gym.Env[Any, Any], held: np.ndarray, seed: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """To a place that the seed says, and on with one action for as long as the episode lasts: the last frames and
    actions before, the frame after."""
    rng = np.random.default_rng(seed)
    plant.action_space.seed(seed)
    obs, actions = [plant.reset(seed=seed)[0]], []
    steps, ended = int(rng.integers(CONTEXT, FURTHEST + 1)), False
    while steps > 0 or len(actions) < CONTEXT:
        actions.append(plant.action_space.sample())
        frame, _, terminated, truncated, _ = plant.step(actions[-1])
        obs.append(frame)
        steps -= 1
        if terminated or truncated:
            obs, actions = [plant.reset()[0]], []
    after = obs[-1]
    for _ in range(HOLD):
        if not ended:
            after, _, terminated, truncated, _ = plant.step(held)
            ended = terminated or truncated
    return np.stack(obs[-CONTEXT - 1 :]), np.stack(actions[-CONTEXT:]), after
