# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from typing import Any

import gymnasium as gym
import pytest
import torch
from torch import Tensor

from plasma_trainer.envs import NAVIGATE_MAZE, make_pixel_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import controllability as this
from plasma_trainer.pipelines.controllability import Forks, controllability, fork, obeyed
from plasma_trainer.pipelines.open_loop import CONTEXT
from plasma_trainer.world_models import Imagined, Still

SIZE = 16


def plant(env: str = NAVIGATE_MAZE) -> gym.Env[Any, Any]:
    return make_pixel_plant(env, size=SIZE, max_episode_steps=200)


@pytest.fixture(scope="module")
def forks() -> Forks:
    return fork(plant(), seed=0, places=4)


class Knowing(Still):
    """Imagines what really happened, under the action that `means` says for each."""

    def __init__(self, forks: Forks, means: list[int]) -> None:
        super().__init__((3, SIZE, SIZE), 4, discrete=True)
        self.after, self.means = forks.after.flatten(2).float(), means

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        step = super().imagine(state, action, generator)
        own = action.view(-1, 4)
        meant = torch.tensor(self.means)[own]
        return step._replace(state=self.after[torch.arange(len(own))[:, None], meant].flatten(0, 1))


def test_every_action_leaves_from_the_same_place(forks: Forks) -> None:
    assert forks.obs.shape == (4, CONTEXT + 1, 3, SIZE, SIZE)
    assert forks.action.shape == (4, CONTEXT)
    assert forks.after.shape == (4, 4, 3, SIZE, SIZE)
    assert forks.tried.tolist() == [0, 1, 2, 3]
    assert len(forks.after.flatten(2)[0].unique(dim=0)) > 1
    again = fork(plant(), seed=0, places=4)
    assert torch.equal(again.obs, forks.obs) and torch.equal(again.after, forks.after)


def test_a_world_that_knows_obeys_as_well_as_reality_and_one_that_mistakes_actions_does_not(
    forks: Forks,
) -> None:
    reality = obeyed(forks.after, forks.after)
    assert 0.25 < reality < 1.0  # walls: some actions do the same
    assert controllability(Knowing(forks, [0, 1, 2, 3]), forks, seed=0) == pytest.approx(reality)
    assert controllability(Knowing(forks, [2, 3, 0, 1]), forks, seed=0) < 0.5 * reality


def test_a_still_world_obeys_by_chance(forks: Forks) -> None:
    still = Still((3, SIZE, SIZE), 4, discrete=True)
    assert controllability(still, forks, seed=0) == pytest.approx(0.25)


def test_ties_are_shared() -> None:
    after = torch.tensor([[[0.0], [0.0], [9.0]]])
    assert obeyed(after, after) == pytest.approx((0.5 + 0.5 + 1.0) / 3)
    assert obeyed(torch.full((1, 3, 1), 8.0), after) == pytest.approx(1 / 3)


def test_torques_are_held_at_the_least_the_middle_and_the_greatest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(this, "FURTHEST", CONTEXT)
    forks = fork(plant("Pendulum-v1"), seed=0, places=1)
    assert forks.tried.tolist() == [[-2.0], [0.0], [2.0]]
    assert obeyed(forks.after, forks.after) == 1.0


def test_a_place_is_never_beyond_the_end_of_an_episode() -> None:
    forks = fork(plant("CartPole-v1"), seed=0, places=3)  # falls within about twenty random steps
    assert forks.obs.shape == (3, CONTEXT + 1, 3, SIZE, SIZE)
    assert (forks.after[:, 0] != forks.after[:, 1]).flatten(1).any(1).all()


class Restless(gym.ObservationWrapper[Any, Any, Any]):
    """Never looks the same twice."""

    looks = 0

    def observation(self, observation: Any) -> Any:
        self.looks += 1
        return observation ^ (self.looks % 251)


def test_a_plant_that_does_not_repeat_itself_is_refused() -> None:
    with pytest.raises(UsageError, match="repeats itself"):
        fork(Restless(plant()), seed=0, places=1)
