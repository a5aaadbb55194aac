"""Fitting an ensemble to real transitions."""

from __future__ import annotations

import torch
from torch import Tensor

from plasma_trainer.world_models.ensemble import MEMBERS, Ensemble

BATCH = 128  # transitions per member and update


def fit(
    world: Ensemble, data: dict[str, Tensor], updates: int, seed: int
) -> dict[str, float]:
    """Fit `world` to transition columns (see Transitions.tensors). Returns the last update's metrics."""
    generator = torch.Generator().manual_seed(seed)
    world.fit_normalizers(data)
    optimizer = torch.optim.AdamW(world.parameters(), lr=1e-3, weight_decay=1e-4, fused=True)
    bootstrap = _bootstrap(len(data["reward"]), generator)
    metrics: dict[str, float] = {}
    for _ in range(updates):
        batch = _minibatch(data, bootstrap, generator)
        dynamics_loss, dynamics_metrics = world.observe_dynamics(batch)
        outcome_loss, outcome_metrics = world.observe_outcome(batch)
        optimizer.zero_grad()
        (dynamics_loss + outcome_loss).backward()
        torch.nn.utils.clip_grad_norm_(world.parameters(), 10.0)
        optimizer.step()
        metrics = dynamics_metrics | outcome_metrics
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
