# SPDX-License-Identifier: Apache-2.0
"""Episodes from and to Minari, the format in which logs of robots and simulators are shared."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from gymnasium import spaces

from plasma_trainer.data.log import Log, Trajectory
from plasma_trainer.errors import MissingDependencyError, UsageError

if TYPE_CHECKING:
    from minari import MinariDataset


@dataclass(frozen=True)
class Recording:
    """A log and the plant it was recorded on, as far as the log knows it. `env_id`: its Gymnasium id, if it had one."""

    log: Log
    observation_space: spaces.Box
    action_space: spaces.Discrete | spaces.Box
    env_id: str | None


def load_minari(dataset_id: str) -> Recording:
    """A local dataset. Raises UsageError when it is not there, or its spaces are not those the trainer handles."""
    minari = _minari()
    try:
        dataset: MinariDataset = minari.load_dataset(dataset_id)
    except (FileNotFoundError, ValueError) as error:
        raise UsageError(
            f"no Minari dataset {dataset_id!r} here ({error}); see `minari list local`, "
            f"or fetch it with `minari download {dataset_id}`"
        ) from error
    seen, acted = dataset.observation_space, dataset.action_space
    if not (isinstance(seen, spaces.Box) and len(seen.shape) == 1):
        raise UsageError(f"{dataset_id} observes {seen}; expected a flat Box of numbers")
    if not isinstance(acted, spaces.Discrete | spaces.Box):
        raise UsageError(f"{dataset_id} acts in {acted}; expected Discrete or Box")
    kind = np.int64 if isinstance(acted, spaces.Discrete) else np.float32
    episodes = tuple(
        Trajectory(
            np.asarray(episode.observations, np.float32),
            np.asarray(episode.actions, kind),
            np.asarray(episode.rewards, np.float32),
            bool(episode.terminations[-1]),
        )
        for episode in dataset.iterate_episodes()
    )
    recorded = dataset.env_spec
    return Recording(Log(episodes), seen, acted, recorded.id if recorded else None)


def save_minari(recording: Recording, dataset_id: str, description: str) -> None:
    """Write a local dataset, e.g. "cartpole/dreamt-v0". Raises UsageError when one of that name is there."""
    minari = _minari()
    from minari.data_collector import EpisodeBuffer

    buffers = []
    for index, episode in enumerate(recording.log.episodes):
        ends = np.arange(len(episode)) == len(episode) - 1
        buffers.append(
            EpisodeBuffer(
                id=index,
                observations=list(episode.obs),
                actions=list(episode.action),
                rewards=list(episode.reward),
                terminations=list(ends & episode.terminated),
                truncations=list(ends & (not episode.terminated)),
            )
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # a log need not know its environment
            minari.create_dataset_from_buffers(
                dataset_id,
                buffers,
                env=recording.env_id,
                eval_env=recording.env_id,
                observation_space=recording.observation_space,
                action_space=recording.action_space,
                algorithm_name="plasma-trainer",
                author="plasma-trainer",
                author_email="",
                code_permalink="",
                description=description,
            )
    except ValueError as error:
        raise UsageError(f"cannot write Minari dataset {dataset_id!r}: {error}") from error


def _minari() -> Any:
    try:
        import minari
    except ImportError as error:
        raise MissingDependencyError(
            "Minari datasets need it installed: pip install 'plasma-trainer[minari]'"
        ) from error
    return minari
