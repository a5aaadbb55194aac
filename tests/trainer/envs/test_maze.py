# SPDX-License-Identifier: Apache-2.0
"""The maze, as Gymnasium checks environments, and as hard as it says: exactly, by the chain that random actions are."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from plasma_edge._cli import main
from plasma_pack import build, keygen
from plasma_trainer.envs import NAVIGATE_MAZE, step_limit
from plasma_trainer.envs.maze import MOVES, NavigateMaze

RIGHT, DOWN, LEFT, UP = range(len(MOVES))
WAY = [RIGHT] * 6 + [DOWN] * 3 + [LEFT] * 6 + [DOWN] * 3 + [RIGHT] * 6

ALWAYS_RIGHT = """
input  obs f32[2]
output act i32[1] actuator low 0 high 3 safe 0
const w i8[4,2] scale s = 0 0 0 0 0 0 0 0
const s f32[4] = 1 1 1 1
const b f32[4] = 1 0 0 0
arena  m f32[4]
linear m, obs, w, b
argmax act, m
"""


@pytest.fixture
def maze() -> Iterator[gym.Env]:
    with gym.make(NAVIGATE_MAZE, render_mode="rgb_array") as env:
        yield env


def transitions() -> tuple[np.ndarray, int, int]:
    """[S, S] under uniformly random actions, the start and the goal, found by walking everywhere."""
    env, nexts = NavigateMaze(), dict[bytes, list[bytes]]()
    start, _ = env.reset()
    goal, ways = b"", [((), start.tobytes())]
    while ways:
        way, here = ways.pop()
        if here in nexts or here == goal:
            continue
        nexts[here] = []
        for action in range(len(MOVES)):
            env.reset()
            for step in (*way, action):
                obs, reward, *_ = env.step(step)
            nexts[here].append(obs.tobytes())
            goal = obs.tobytes() if reward else goal
            ways.append(((*way, action), obs.tobytes()))
    places = [*nexts, goal]
    chain = np.zeros((len(places), len(places)))
    for here, reached in nexts.items():
        for there in reached:
            chain[places.index(here), places.index(there)] += 1 / len(MOVES)
    chain[-1, -1] = 1.0
    return chain, places.index(start.tobytes()), len(places) - 1


def test_is_an_environment(maze: gym.Env) -> None:
    check_env(maze.unwrapped)
    assert maze.spec is not None
    assert (step_limit(maze), maze.spec.reward_threshold) == (100, 0.9)


def test_the_way_through_ends_in_a_reward(maze: gym.Env) -> None:
    obs, _ = maze.reset(seed=0)
    assert obs.tolist() == [-1.0, -1.0]
    *before, last = [maze.step(action) for action in WAY]
    assert {(reward, ended) for _, reward, ended, _, _ in before} == {(0.0, False)}
    assert last[0].tolist() == [1.0, 1.0]
    assert last[1:4] == (1.0, True, False)


def test_walls_and_edges_stop(maze: gym.Env) -> None:
    start, _ = maze.reset(seed=0)
    assert np.array_equal(maze.step(UP)[0], start)
    assert np.array_equal(maze.step(LEFT)[0], start)
    below = maze.step(DOWN)[0]
    assert np.array_equal(maze.step(DOWN)[0], below)


def test_random_actions_hardly_ever_find_the_goal() -> None:
    """In one of 830 episodes; in one of 275,000 when they are cut after 50 steps, as the learner's are."""
    chain, start, goal = transitions()
    assert np.linalg.matrix_power(chain, 100)[start, goal] == pytest.approx(1 / 830, rel=0.01)
    assert np.linalg.matrix_power(chain, 50)[start, goal] == pytest.approx(1 / 275_000, rel=0.01)


def test_time_is_limited_and_the_maze_can_be_seen(maze: gym.Env) -> None:
    maze.reset(seed=0)
    ends = [maze.step(UP)[2:4] for _ in range(100)]
    assert set(ends[:-1]) == {(False, False)}
    assert ends[-1] == (False, True)
    before = maze.render()
    maze.step(RIGHT)
    assert before.shape == (168, 168, 3)
    assert (before != maze.render()).any()


def test_packets_fly_it_once_gymnasium_is_told_where_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    keygen(tmp_path / "release.pem")
    (tmp_path / "east.pasm").write_text(ALWAYS_RIGHT)
    packet = tmp_path / "east.plasma"
    packet.write_bytes(build(tmp_path / "east.pasm", key=tmp_path / "release.pem").data)
    trust, where = (
        f"--trust={tmp_path / 'release.pub'}",
        f"--env=plasma_trainer.envs:{NAVIGATE_MAZE}",
    )
    assert main(["run", str(packet), trust, where, "--episodes=1", "--json"]) == 0
    flown = json.loads(capsys.readouterr().out)
    assert (flown["steps"], flown["return_mean"]) == (100, 0.0)
