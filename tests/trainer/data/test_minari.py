# SPDX-License-Identifier: Apache-2.0
"""Logs that others recorded, and dreams that others may read."""

from __future__ import annotations

from pathlib import Path

import gymnasium as gym
import minari
import numpy as np
import pytest
from gymnasium import spaces

from plasma_trainer.data import Recording, collect_log, load_minari, random_act, save_minari
from plasma_trainer.errors import UsageError


@pytest.fixture(autouse=True)
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MINARI_DATASETS_PATH", str(tmp_path))


def recorded(env_id: str) -> Recording:
    plant = gym.make(env_id)
    log = collect_log(plant, random_act(plant.action_space, 0), 100, seed=0, longest=60)
    return Recording(log, plant.observation_space, plant.action_space, env_id)


@pytest.mark.parametrize("env_id", ["CartPole-v1", "Pendulum-v1"])
def test_a_log_survives_the_way_there_and_back(env_id: str) -> None:
    before = recorded(env_id)
    save_minari(before, "test/log-v0", "random")
    after = load_minari("test/log-v0")
    assert after.env_id == env_id
    assert (after.observation_space, after.action_space) == (
        before.observation_space,
        before.action_space,
    )
    for old, new in zip(before.log.episodes, after.log.episodes, strict=True):
        assert all((getattr(old, n) == getattr(new, n)).all() for n in ("obs", "action", "reward"))
        assert (old.action.dtype, old.terminated) == (new.action.dtype, new.terminated)


def test_minari_reads_it_as_its_own() -> None:
    before = recorded("CartPole-v1")
    save_minari(before, "test/log-v0", "random")
    dataset = minari.load_dataset("test/log-v0")
    assert dataset.total_steps == before.log.steps
    assert dataset.recover_environment().spec.id == "CartPole-v1"


def test_a_log_need_not_know_its_environment() -> None:
    known = recorded("CartPole-v1")
    nameless = Recording(known.log, known.observation_space, known.action_space, None)
    save_minari(nameless, "test/nameless-v0", "random")
    assert load_minari("test/nameless-v0").env_id is None


def test_what_cannot_be_read_or_written_is_said() -> None:
    with pytest.raises(UsageError, match="minari download test/none-v0"):
        load_minari("test/none-v0")
    before = recorded("CartPole-v1")
    save_minari(before, "test/log-v0", "random")
    with pytest.raises(UsageError, match="already exists"):
        save_minari(before, "test/log-v0", "random")
    with pytest.raises(UsageError, match="Malformed"):
        save_minari(before, "no version", "random")


def test_pictures_are_refused() -> None:
    frames = spaces.Box(0, 255, (2, 2, 3), np.uint8)
    buffer = minari.data_collector.EpisodeBuffer(
        id=0,
        observations=[np.zeros((2, 2, 3), np.uint8)] * 2,
        actions=[0],
        rewards=[0.0],
        terminations=[False],
        truncations=[True],
    )
    with pytest.warns(UserWarning):
        minari.create_dataset_from_buffers(
            "test/frames-v0", [buffer], observation_space=frames, action_space=spaces.Discrete(2)
        )
    with pytest.raises(UsageError, match="flat Box"):
        load_minari("test/frames-v0")


def test_a_table_has_every_step_and_marks_every_end() -> None:
    log = recorded("CartPole-v1").log
    table = log.table()
    assert len(table) == log.steps
    ends = np.cumsum([len(e) for e in log.episodes]) - 1
    assert (np.flatnonzero(table.ended) == ends).all()
    assert (table.terminated[ends] == [e.terminated for e in log.episodes]).all()
    assert (table.next_obs[ends] == [e.obs[-1] for e in log.episodes]).all()
    assert (table.reset_obs == [e.obs[0] for e in log.episodes]).all()
