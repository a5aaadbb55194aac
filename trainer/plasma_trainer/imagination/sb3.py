# SPDX-License-Identifier: Apache-2.0
"""The thin adapter that lets Stable-Baselines3 train in a dream: it takes its own VecEnv, not Gymnasium's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from plasma_trainer.errors import MissingDependencyError
from plasma_trainer.imagination.dream_env import DreamVectorEnv

try:
    from stable_baselines3.common.vec_env import VecEnv
except ImportError as error:
    raise MissingDependencyError(
        "training with Stable-Baselines3 needs it installed: pip install 'plasma-trainer[sb3]'"
    ) from error


class DreamVecEnv(VecEnv):
    """A DreamVectorEnv as Stable-Baselines3 wants it: `done` for both ends, the difference in the info."""

    def __init__(self, dream: DreamVectorEnv) -> None:
        self.dream = dream
        super().__init__(dream.num_envs, dream.single_observation_space, dream.single_action_space)

    def reset(self) -> np.ndarray:
        obs, _ = self.dream.reset(seed=self._seeds[0])
        self._reset_seeds()
        return obs

    def step_async(self, actions: np.ndarray) -> None:
        self._actions = actions

    def step_wait(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[dict[str, Any]]]:
        obs, reward, terminated, truncated, info = self.dream.step(self._actions)
        infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        done = terminated | truncated
        for index in np.flatnonzero(done):
            infos[index]["terminal_observation"] = info["final_obs"][index]
            infos[index]["TimeLimit.truncated"] = bool(truncated[index])
        return obs, reward.astype(np.float32), done, infos

    def close(self) -> None:
        self.dream.close()

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        return [getattr(self.dream, attr_name)] * len(list(self._get_indices(indices)))

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        raise NotImplementedError("phantom lives share one world; change DreamVecEnv.dream instead")

    def env_method(self, method_name: str, *args: Any, indices: Any = None, **kwargs: Any) -> Any:
        raise NotImplementedError("phantom lives have no environments of their own to call")

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> Sequence[bool]:
        return [False] * len(list(self._get_indices(indices)))
