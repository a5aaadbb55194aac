# SPDX-License-Identifier: Apache-2.0
"""What an audit looked at, and the pictures of it."""

from __future__ import annotations

from dataclasses import dataclass
from io import BytesIO
from typing import Any

import numpy as np
from torch import Tensor

from plasma_trainer.data import Paths

REAL, PHANTOM, BAD = "#57606a", "#1f6feb", "#c0392b"
WORST = 3  # paths that are shown
MOST_ENTRIES = 6  # of an observation


@dataclass(frozen=True)
class Flight:
    """A canary: obs [T + 1, O] and rewards [T] of one real episode, and phantom paths from its first observation."""

    obs: np.ndarray
    rewards: np.ndarray
    promised: Paths


@dataclass(frozen=True)
class Evidence:
    """N real steps, P phantom steps [P, O] and which of them the data does not support [P], whole paths.

    `doubted` [T, WORST]: unsupported steps of `worst`, the paths about which the world's members disagree most.
    """

    real_obs: Tensor
    phantom_obs: Tensor
    unsupported: Tensor
    paths: Paths
    worst: list[int]
    doubted: Tensor
    flights: list[Flight]


def worst_paths(paths: Paths) -> list[int]:
    """Indices of the WORST paths by mean uncertainty over their first episodes."""
    inside = paths.in_first_episode
    doubt = (paths.uncertainty * inside).sum(0) / inside.sum(0)
    return [int(index) for index in doubt.argsort(descending=True)[:WORST]]


def support_map(evidence: Evidence) -> bytes:
    """Where the data is, and where imagination went: the two directions in which the data differs most (PCA)."""
    centre, std = evidence.real_obs.mean(0), evidence.real_obs.std(0).clamp_min(1e-6)
    real, phantom = ((obs - centre) / std for obs in (evidence.real_obs, evidence.phantom_obs))
    axes_of_data = np.linalg.svd(real.numpy(), full_matrices=False)[2][:2]  # [2, O]
    figure, axes = _canvas()
    clouds = (
        (real, REAL, "real steps"),
        (phantom[~evidence.unsupported], PHANTOM, "phantom steps"),
        (phantom[evidence.unsupported], BAD, "phantom steps without support"),
    )
    for obs, color, label in clouds:
        x, y = axes_of_data @ obs.numpy().T
        axes.scatter(x, y, s=6, color=color, label=label, alpha=0.5, linewidths=0)
    axes.set(xlabel="first principal axis, standard deviations", ylabel="second")
    axes.legend(frameon=False)
    return _png(figure)


def promise(evidence: Evidence) -> bytes:
    """Return so far over time, imagined and real, from the same starts; without a canary, imagined alone."""
    figure, axes = _canvas()
    dreams = [flight.promised for flight in evidence.flights] or [evidence.paths]
    for paths in dreams:
        rewards = np.where(paths.in_first_episode, paths.reward, 0.0).cumsum(0)  # [T, B]
        axes.plot(rewards, color=PHANTOM, lw=0.6, alpha=0.4)
    for flight in evidence.flights:
        axes.plot(flight.rewards.cumsum(), color="black", lw=2)
    axes.plot([], color=PHANTOM, label="imagined")
    if evidence.flights:
        axes.plot([], color="black", lw=2, label="real: the canary")
    axes.set(xlabel="step", ylabel="return so far")
    axes.legend(frameon=False)
    return _png(figure)


def doubtful(evidence: Evidence) -> bytes:
    """The worst paths, entry by entry of the observation, against the range of the data; red: without support."""
    size = min(evidence.real_obs.shape[1], MOST_ENTRIES)
    figure, rows = _canvas(rows=size, columns=len(evidence.worst))
    low, high = evidence.real_obs.amin(0), evidence.real_obs.amax(0)
    for column, index in enumerate(evidence.worst):
        length = int(evidence.paths.in_first_episode[:, index].sum())
        steps = np.arange(length)
        doubted = evidence.doubted[:length, column].numpy()
        for entry in range(size):
            axes = rows[entry][column]
            seen = evidence.paths.obs[:length, index, entry].numpy()
            axes.axhspan(low[entry], high[entry], color=REAL, alpha=0.12, lw=0)
            axes.plot(steps, seen, color=PHANTOM, lw=1)
            axes.plot(steps[doubted], seen[doubted], ".", color=BAD, ms=3)
            axes.set_ylabel(f"obs[{entry}]" if column == 0 else "")
        rows[0][column].set_title(f"path {index}", fontsize=9)
        rows[-1][column].set_xlabel("step")
    return _png(figure)


def _canvas(rows: int = 0, columns: int = 0) -> tuple[Any, Any]:
    """A figure with one plot, or a grid of them. No pyplot: nothing global is touched."""
    from matplotlib.figure import Figure  # half a second that only pages should cost

    figure = Figure(figsize=(7.5, 1.3 * rows if rows else 4.2), layout="constrained")
    grid = figure.subplots(max(rows, 1), max(columns, 1), squeeze=False, sharex=bool(rows))
    for axes in grid.flat:
        axes.spines[["top", "right"]].set_visible(False)
        axes.tick_params(labelsize=8)
    return figure, grid if rows else grid[0][0]


def _png(figure: Any) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, dpi=110, format="png")
    return buffer.getvalue()
