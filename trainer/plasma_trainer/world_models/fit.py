# SPDX-License-Identifier: Apache-2.0
"""Fitting an ensemble to loose transitions, whose plant may have changed; episodes and all worlds: see pipelines/."""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.nets import MEMBERS
from plasma_trainer.world_models.ensemble import Ensemble

BATCH = 128  # transitions per member and update
LEARNING_RATE = 1e-3  # up to FEW real steps, on which a hasty world is soon too sure of itself ...
FEW = 400
FASTEST = 5  # ... and in proportion to how many there are beyond, up to so many times that


def fit(
    world: Ensemble,
    plant: dict[str, Tensor],
    task: dict[str, Tensor],
    updates: int,
    seed: int,
) -> dict[str, Tensor]:
    """Fit the dynamics to `plant` and the outcomes to `task`, both transition columns (see Transitions.tensors).

    The two are the same until a plant breaks. Then `plant` is what was seen since, and `task` everything ever seen:
    what a step is worth has not changed, and a robot that has just broken has not yet seen much of it again.
    Returns the last update's metrics.
    """
    generator = torch.Generator().manual_seed(seed)
    world.fit_ranges(task)
    rate = LEARNING_RATE * min(max(1.0, len(plant["reward"]) / FEW), FASTEST)
    optimizer = torch.optim.AdamW(world.parameters(), lr=rate, weight_decay=1e-4, fused=True)
    plant_bootstrap = _bootstrap(len(plant["reward"]), generator)
    task_bootstrap = _bootstrap(len(task["reward"]), generator)
    metrics: dict[str, Tensor] = {}
    for _ in range(updates):
        plant_batch = _minibatch(plant, plant_bootstrap, generator)
        task_batch = _minibatch(task, task_bootstrap, generator)
        dynamics_loss, dynamics_metrics = world.dynamics_loss(plant_batch)
        outcome_loss, outcome_metrics = world.outcome_loss(task_batch)
        optimizer.zero_grad()
        (dynamics_loss + outcome_loss).backward()
        torch.nn.utils.clip_grad_norm_(world.parameters(), 10.0)
        optimizer.step()
        metrics = dynamics_metrics | outcome_metrics
    world.fit_trust(plant)
    return metrics


def _bootstrap(size: int, generator: torch.Generator) -> Tensor:
    """[M, size] indices: each member's own resample, with replacement, of the same data (Efron, 1979)."""
    return torch.randint(size, (MEMBERS, size), generator=generator)


def _minibatch(
    data: dict[str, Tensor], bootstrap: Tensor, generator: torch.Generator
) -> dict[str, Tensor]:
    """Columns [M, BATCH, ...], drawn from each member's bootstrap."""
    draw = torch.randint(bootstrap.shape[1], (MEMBERS, BATCH), generator=generator)
    rows = bootstrap.gather(1, draw)
    return {name: column[rows] for name, column in data.items()}
