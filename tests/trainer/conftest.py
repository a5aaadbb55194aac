# SPDX-License-Identifier: Apache-2.0
"""What several tests need: real CartPole experience, a world that knows it, and a finished run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from rich.console import Console

from plasma_trainer.data import Transitions, collect, random_act
from plasma_trainer.envs import make_plant
from plasma_trainer.pipelines import examine, learner, lessons
from plasma_trainer.pipelines.train import TrainArgs, train
from plasma_trainer.world_models import Ensemble, fit


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def quiet() -> Console:
    return Console(quiet=True)


@pytest.fixture(scope="session")
def cartpole_data() -> Transitions:
    plant = make_plant("CartPole-v1")
    return collect(plant, random_act(plant.action_space, 0), steps=300, seed=0, longest=500)


@pytest.fixture(scope="session")
def cartpole_world(cartpole_data: Transitions) -> Ensemble:
    torch.manual_seed(0)
    world = Ensemble(obs_size=4, action_size=2, discrete=True)
    columns = cartpole_data.tensors()
    fit(world, columns, columns, updates=500, seed=0)
    return world


@pytest.fixture(autouse=True, scope="session")
def shorter_fits() -> Iterator[None]:
    """Worlds good enough for CartPole, in half the time, and no planner's lessons."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(learner, "UPDATES", 700)
        patch.setattr(learner, "PATHS", 128)
        patch.setattr(examine, "AUDITOR_UPDATES", 300)
        patch.setattr(lessons, "COURSE", 0)
        yield


@pytest.fixture(scope="session")
def trained_run(tmp_path_factory: pytest.TempPathFactory, quiet: Console) -> Path:
    """A finished training run: 200 random real steps, and more only if those do not do."""
    out = tmp_path_factory.mktemp("trained")
    train(TrainArgs("CartPole-v1", real_steps=600, iterations=15, threshold=300.0), out, quiet)
    return out
