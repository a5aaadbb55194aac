# SPDX-License-Identifier: Apache-2.0
"""What happened, asked by nearness: where a step was made before, it leads where it led then (as in kernel-based
reinforcement learning, Ormoneit & Sen, 2002, with a kernel of one neighbour).

A network rounds the corners that it was shown. It makes of a wall a place that hardly lets one pass, and who plans or
learns in such a world leans on the wall until it does.

Shapes: B rows, N real steps, O numbers observed, A numbers of an action.
"""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.data import Transitions
from plasma_trainer.world_models.ensemble import Ensemble
from plasma_trainer.world_models.world import Imagined

A_STEP = 0.9  # quantile of how far real steps go: the unit of distance
SAME = 0.25  # of a step: what was done this close by was done here
LIKE = 1.0  # steps: further away nothing is known
COVERED = 0.5  # share of real steps that must have been made twice before a memory is asked at all
ASKED = 500  # real steps that are asked whether
MOST_SWEEPS = 1000  # of value iteration
TIE = 1e-6


class Memory:
    """The real steps of one plant. Distances are of (observation, action), in the scales of `world`."""

    def __init__(self, world: Ensemble, lived: Transitions) -> None:
        self._world, self._lived = world, lived.tensors()
        self._done = self._place(self._lived["obs"], self._lived["action"])  # [N, O + A]
        self._came = self._lived["next_obs"]  # [N, O]
        went = world.obs_norm(self._came) - world.obs_norm(self._lived["obs"])
        self._step = went.norm(dim=-1).quantile(A_STEP)

    def add(self, obs: Tensor, action: Tensor, next_obs: Tensor) -> None:
        """From now on, one more real step leads where it led, [1, ...] each."""
        self._done = torch.cat([self._done, self._place(obs, action)])
        self._came = torch.cat([self._came, next_obs])

    def mend(self, step: Imagined, obs: Tensor, action: Tensor) -> tuple[Imagined, Tensor]:
        """The steps imagined from obs [B, O]: as they were where they were made before, and lost where none like them
        was made. And how far each is from any that was, [B], in real steps.
        """
        distance, nearest = torch.cdist(self._place(obs, action), self._done).min(1)
        distance = distance / self._step
        state = torch.where((distance < SAME)[:, None], self._came[nearest], step.state)
        return step._replace(state=state, lost=step.lost | (distance > LIKE)), distance

    @torch.no_grad()
    def is_truer(self) -> bool:
        """Whether most of what was lived was done twice, and the other time foretells it better than the world does: in
        a maze it does, in a space of continuous places hardly ever, and not where chance decides.
        """
        some = torch.arange(0, len(self._done), max(1, len(self._done) // ASKED))
        distance = torch.cdist(self._done[some], self._done)
        distance[torch.arange(len(some)), some] = torch.inf
        distance, nearest = distance.min(1)
        twice = distance < SAME * self._step
        if twice.float().mean() < COVERED:
            return False
        steps = {name: column[some] for name, column in self._lived.items()}
        wanted = self._world.obs_norm(steps["next_obs"])
        foretold = self._world.expected(steps["obs"], steps["action"])
        remembered, believed = (
            float((self._world.obs_norm(guess) - wanted).square()[twice].mean())
            for guess in (self._came[nearest], foretold)
        )
        return remembered < believed

    def best(self, discount: float) -> Tensor:
        """Which of the N steps, as rows [K], were the best that was done where they were: value iteration over real
        steps alone. Of what was never done nothing is hoped.
        """
        steps = self._lived
        here, there = (self._world.obs_norm(steps[name]) for name in ("obs", "next_obs"))
        again, onward = (torch.cdist(at, here) < SAME * self._step for at in (here, there))
        onward &= ~steps["terminated"][:, None]
        worth = steps["reward"]
        for _ in range(MOST_SWEEPS):
            before, worth = worth, steps["reward"] + discount * _best(worth, onward)
            if torch.allclose(before, worth):
                break
        return torch.nonzero(worth >= _best(worth, again) - TIE)[:, 0]

    def _place(self, obs: Tensor, action: Tensor) -> Tensor:
        return torch.cat([self._world.obs_norm(obs), self._world.encode_action(action)], -1)


def _best(worth: Tensor, among: Tensor) -> Tensor:
    """The greatest of worth [N] among [M, N] bool, [M]; 0 among none."""
    greatest = torch.where(among, worth, -torch.inf).amax(1)
    return torch.where(among.any(1), greatest, 0.0)


class Remembering:
    """An ensemble that remembers, as far as imagination needs one."""

    def __init__(self, world: Ensemble, memory: Memory) -> None:
        self._world, self._memory, self.features = world, memory, world.features

    def imagine(self, state: Tensor, action: Tensor, generator: torch.Generator) -> Imagined:
        """One step for every row of state [B, O], see World.imagine."""
        return self._memory.mend(self._world.imagine(state, action, generator), state, action)[0]
