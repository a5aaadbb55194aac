# SPDX-License-Identifier: Apache-2.0
"""From frames to a policy: an eye, a world of what it sees, and a learner that lives there.

Round 0 is random: the eye is fitted to its frames, and then stays as it is. From there on the plant is seen through the
world (seen.py), and everything is as with an environment that shows its state.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
import torch
from rich.console import Console

from plasma_trainer.data import Log, Transitions, collect_log, derive, random_act
from plasma_trainer.envs import make_pixel_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.fit_world import FitArgs, fit_world
from plasma_trainer.pipelines.learner import REAL_EPISODE_STEPS, Learner
from plasma_trainer.pipelines.rounds import Goal, Result, run_rounds
from plasma_trainer.pipelines.runs import Run
from plasma_trainer.pipelines.seen import Seen
from plasma_trainer.pipelines.skills import Skill
from plasma_trainer.policies import MlpPolicy
from plasma_trainer.world_models import Eye, LatentWorld, SecondOrder, World

HELD_OUT = 0.1  # of the random episodes: when to stop fitting the eye
BATCH, LENGTH = 32, 8  # stretches and steps: as far as the eye must foretell
COOLING = 0.5


@dataclass(frozen=True)
class PixelArgs:
    """What `plasma-train solve --pixels` asks for."""

    env: str  # Gymnasium environment id; must render
    threshold: float  # return to reach
    seed: int = 0
    real_steps: int = 20_000  # the budget
    random_steps: int = 5000  # of it, for the eye
    block_steps: int = 1500  # real steps of every later round
    iterations: int = 25  # of imagination per round
    discount: float = 0.97
    eye_updates: int = 3000


class PixelLearner(Learner):
    """A Learner whose first real steps were taken before it could see."""

    def __init__(
        self, plant: Seen, policy: MlpPolicy, world: SecondOrder, args: PixelArgs, first: Log
    ) -> None:
        super().__init__(plant, policy, world.ensemble, args.discount, args.seed)
        self.first, self.through = first, plant.world

    def live(self, steps: int, index: int) -> Transitions:
        """As any learner; but round 0 brings the random steps, seen now."""
        if index > 0:
            return super().live(steps, index)
        self.data = transitions(self.first, self.through)
        return self.data


@dataclass(frozen=True)
class PixelSkill(Skill):
    """A finished run, and what it sees with."""

    learner: PixelLearner
    eye: Eye

    def plant(self) -> gym.Env[Any, Any]:
        return self.learner.plant  # seen through the eye


def train_pixels(args: PixelArgs, out: Path, console: Console) -> tuple[PixelSkill, Result]:
    """Do, or finish, the experiment in `out`: what was learnt, and how it ended."""
    run = Run.begin(out, args)
    plant = make_pixel_plant(args.env)
    log = _random_log(args, plant, out, console)
    torch.manual_seed(derive(args.seed, "weights"))
    example = MlpPolicy(1, plant.action_space)
    eye = Eye(log.episodes[0].obs.shape[1:], example.action_size, example.discrete)
    _open(eye, log, args, out, console)
    inner = SecondOrder(eye.latent_dim, example.action_size, example.discrete)
    world = LatentWorld(eye, inner)
    policy = MlpPolicy(world.feature_size, plant.action_space)
    learner = PixelLearner(Seen(plant, world), policy, inner, args, log)
    goal = Goal(args.threshold, args.real_steps, args.block_steps, args.iterations, args.seed)
    result = run_rounds(run, learner, goal, console)
    return PixelSkill(args.env, "nominal", learner, None, eye), result


def load_pixels(out: Path, console: Console) -> PixelSkill:
    """The finished run in `out`. Raises UsageError when there is none, or it did not learn from pixels."""
    run = Run.open(out)
    run.result()
    if "eye_updates" not in run.args:
        raise UsageError(
            f"{out} holds a run that does not see; pass one of plasma-train solve-pixels"
        )
    return train_pixels(PixelArgs(**run.args), out, console)[0]


def transitions(log: Log, world: World) -> Transitions:
    """Episodes of frames as a learner would have recorded them, had it seen them through `world`."""
    parts = []
    for episode in log.episodes:
        features = world.features(world.filter(Log((episode,)).whole())[0]).numpy()
        ended = np.arange(len(episode)) == len(episode) - 1
        parts.append(
            Transitions(
                features[:-1],
                episode.action,
                episode.reward,
                features[1:],
                ended & episode.terminated,
                ended & (not episode.terminated),
            )
        )
    return sum(parts[1:], start=parts[0])


def _random_log(args: PixelArgs, plant: gym.Env[Any, Any], out: Path, console: Console) -> Log:
    """The first real steps, taken once."""
    path = out / "random.npz"
    if not path.exists():
        with console.status(f"collecting {args.random_steps} frames"):
            act = random_act(plant.action_space, derive(args.seed, "explore"))
            seed = derive(args.seed, "collect")
            collect_log(plant, act, args.random_steps, seed, REAL_EPISODE_STEPS).save(path)
    return Log.load(path)


def _open(eye: Eye, log: Log, args: PixelArgs, out: Path, console: Console) -> None:
    """Fit the eye, or finish doing so."""
    glimpses = log.seen_as(eye.glimpse)
    train, held_out = glimpses.split((1 - HELD_OUT, HELD_OUT), derive(args.seed, "split"))
    eye.adopt(train.pieces())
    seed = derive(args.seed, "eye")
    fit_args = FitArgs("eye", args.eye_updates, BATCH, LENGTH, cooling=COOLING, seed=seed)
    fitted = fit_world(eye, train, held_out, fit_args, out / "eye", console)
    console.print(f"eye: {fitted}", highlight=False)
    eye.settle(train.pieces())
