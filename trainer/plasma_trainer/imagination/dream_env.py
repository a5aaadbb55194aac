# SPDX-License-Identifier: Apache-2.0
"""A learnt world dressed as a Gymnasium vector environment: any agent of the ecosystem can train in it."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space

from plasma_trainer.errors import UsageError
from plasma_trainer.imagination.phantoms import Phantoms, Starts
from plasma_trainer.world_models import World


class DreamVectorEnv(VectorEnv[np.ndarray, np.ndarray, np.ndarray]):
    """`num_envs` phantom lives behind the contract of gymnasium.vector.VectorEnv.

    Autoreset is same-step: where a life ended, `step` returns the first observation of the next one, and the last of
    the old one in info["final_obs"][i] (mask: info["_final_obs"]). Termination is apart from truncation by the time
    limit. info["uncertainty"] [B] says how much the world's members disagree.

    `lost_return` as in Phantoms: with it, leaving the known ends a life; see `worst_return`.
    """

    metadata = {"autoreset_mode": AutoresetMode.SAME_STEP, "render_modes": []}

    def __init__(
        self,
        world: World,
        reset_obs: torch.Tensor,
        observation_space: spaces.Box,
        action_space: spaces.Discrete | spaces.Box,
        num_envs: int,
        max_steps: int,
        lost_return: float | None,
    ) -> None:
        """reset_obs [R, O]: real first observations, where lives begin; the spaces are those of the real plant."""
        self.num_envs = num_envs
        self.single_observation_space, self.single_action_space = observation_space, action_space
        self.observation_space = batch_space(observation_space, num_envs)
        self.action_space = batch_space(action_space, num_envs)
        starts = world.start(reset_obs)
        self._world, self._starts = world, Starts(starts, starts, visited_share=0.0)
        self._max_steps, self._lost_return = max_steps, lost_return
        self._phantoms: Phantoms | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Begin all lives anew. Equal seeds begin equal lives; without a seed the randomness goes on."""
        super().reset(seed=seed)
        fresh = int(self.np_random.integers(2**31))
        self._phantoms = Phantoms(
            self._world,
            self._starts,
            self.num_envs,
            self._max_steps,
            fresh,
            self._lost_return,
            view=self._world.decode,
        )
        return self._observed(self._phantoms.obs), {}

    def step(
        self, actions: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of every life. Raises UsageError before the first reset, or for actions of the wrong shape."""
        if self._phantoms is None:
            raise UsageError("step() before reset(); call reset(seed=...) first")
        if np.shape(actions) != self.action_space.shape:
            raise UsageError(
                f"actions have shape {np.shape(actions)}; expected {self.action_space.shape}, one per environment"
            )
        row = self._phantoms.step(torch.as_tensor(np.asarray(actions, self.action_space.dtype)))
        info: dict[str, Any] = {"uncertainty": row.uncertainty.numpy()}
        ended = row.ended.numpy()
        if ended.any():
            final_obs = self._observed(row.next_obs)
            info["final_obs"] = np.full(self.num_envs, None, dtype=object)
            for index in np.flatnonzero(ended):
                info["final_obs"][index] = final_obs[index]
            info["_final_obs"] = ended
        reward = row.reward.numpy().astype(np.float64)
        obs = self._observed(self._phantoms.obs)
        return obs, reward, row.terminated.numpy(), row.truncated.numpy(), info

    def _observed(self, obs: torch.Tensor) -> np.ndarray:
        """[B, O], kept inside the observation space, which the world knows nothing of."""
        space = self.single_observation_space
        return np.clip(obs.numpy(), space.low, space.high).astype(space.dtype)
