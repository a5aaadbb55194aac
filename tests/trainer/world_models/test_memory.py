# SPDX-License-Identifier: Apache-2.0
"""What happened is remembered where it is truer than what a network makes of it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from plasma_trainer.data import Transitions, collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines import lessons
from plasma_trainer.pipelines.evaluate import evaluate_on
from plasma_trainer.pipelines.learner import Learner
from plasma_trainer.policies import greedy_act
from plasma_trainer.world_models import fit
from plasma_trainer.world_models.memory import Memory, Remembering

MAZE = "plasma/NavigateMaze-v0"
RIGHT, DOWN, LEFT = range(3)


def lived(env_id: str, steps: int = 300) -> tuple[Learner, Transitions]:
    """A learner whose world has seen random steps, and is far from finished."""
    learner, plant = Learner.fresh(env_id, 0), make_plant(env_id)
    data = collect(plant, random_act(plant.action_space, 0), steps, seed=0, longest=50)
    fit(learner.world, data.tensors(), data.tensors(), updates=50, seed=0)
    learner.data = data
    return learner, data


@pytest.mark.parametrize(
    ("env_id", "truer"), [(MAZE, True), ("CartPole-v1", False), ("Pendulum-v1", False)]
)
def test_a_maze_is_remembered_and_a_motion_is_understood(env_id: str, truer: bool) -> None:
    learner, data = lived(env_id)
    assert Memory(learner.world, data).is_truer() is truer
    assert isinstance(learner.dreamt(), Remembering) is truer


def test_what_chance_decides_is_not_remembered() -> None:
    """Half of the steps lead somewhere else: a memory would be sure of the one that it found."""
    learner, data = lived(MAZE)
    generator = torch.Generator().manual_seed(0)
    slips = torch.rand(len(data), generator=generator).numpy() < 0.5
    data.next_obs[slips] = data.obs[slips]
    fit(learner.world, data.tensors(), data.tensors(), updates=500, seed=0)
    assert not Memory(learner.world, data).is_truer()


def test_steps_that_were_made_lead_where_they_led() -> None:
    learner, data = lived(MAZE)
    columns, memory = data.tensors(), Memory(learner.world, data)
    step = Remembering(learner.world, memory).imagine(
        columns["obs"], columns["action"], torch.Generator().manual_seed(0)
    )
    assert torch.equal(step.state, columns["next_obs"])


def test_what_is_added_is_known_and_what_is_far_is_believed() -> None:
    learner, data = lived(MAZE)
    memory = Memory(learner.world, data)
    obs, action = torch.tensor([[1.0, 1.0]]), torch.tensor([0])
    believed = learner.world.imagine(obs, action, torch.Generator().manual_seed(0))
    step, distance = memory.mend(believed, obs, action)
    assert torch.equal(step.state, believed.state)
    assert distance.item() > 1.0
    memory.add(obs, action, obs)
    step, distance = memory.mend(believed, obs, action)
    assert torch.equal(step.state, obs)
    assert distance.item() == pytest.approx(0.0, abs=1e-3)


def test_the_best_of_what_was_done_is_a_way_to_the_goal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Walks that found the goal by chance, put together, and a policy that is taught by them."""
    monkeypatch.setattr(lessons, "COURSE", 4)
    learner, plant = Learner.fresh(MAZE, 0), make_plant(MAZE)
    dice = np.random.default_rng(0)
    way = [RIGHT] * 6 + [DOWN] * 4 + [LEFT] * 6 + [DOWN] * 2 + [RIGHT] * 6
    walks = iter([move for _ in range(20) for move in way])

    def act(obs: np.ndarray) -> int:
        return int(dice.integers(4)) if dice.random() < 0.2 else next(walks)

    learner.data = collect(plant, act, 400, seed=0, longest=100)
    assert learner.data.terminated.any()
    learner.learn_world(0)
    memory = learner.memory()
    assert memory is not None
    rows = memory.best(0.95)
    assert 0 < len(rows) < 400
    lessons.teach(learner, seed=0)
    assert evaluate_on(learner.plant, greedy_act(learner.policy), 2, 0).mean == 1.0
