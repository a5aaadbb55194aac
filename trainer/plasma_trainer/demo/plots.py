# SPDX-License-Identifier: Apache-2.0
"""The demo's figures as pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from matplotlib.figure import Figure  # noqa: E402

from plasma_trainer.demo.measure import HISTOGRAM_BINS_US  # noqa: E402

OURS, THEIRS, BAD = "#1f6feb", "#8c959f", "#c0392b"


def ppo_baseline() -> dict[str, Any]:
    """What benchmarks/baseline_ppo.py recorded: PPO's learning curves on the same task."""
    text = files("plasma_trainer.demo").joinpath("ppo_cartpole.json").read_text()
    return dict(json.loads(text))


def learning_curve(real_steps: Sequence[int], returns: Sequence[float], path: Path) -> None:
    """Ours against recorded PPO: mean evaluation return over real environment steps, logarithmic."""
    figure, axes = _canvas()
    baseline = ppo_baseline()
    for index, curve in enumerate(baseline["curves"]):
        label = "Stable-Baselines3 PPO, recorded" if index == 0 else None
        axes.plot(curve["real_steps"], curve["returns"], color=THEIRS, lw=1, label=label)
    axes.plot(real_steps, returns, color=OURS, marker="o", lw=2, label="plasma-trainer, this run")
    axes.annotate(
        f"{real_steps[-1]} steps",
        (real_steps[-1], returns[-1]),
        (8, -4),
        textcoords="offset points",
    )
    axes.axhline(baseline["threshold"], color="black", lw=0.6, ls=":")
    axes.set(xscale="log", xlabel="real environment steps", ylabel="mean return, 10 episodes")
    axes.legend(frameon=False)
    _save(figure, path)


def latency_histogram(counts: Sequence[int], call_p50: float, step_p50: float, path: Path) -> None:
    """How long one call of policy(obs) takes."""
    figure, axes = _canvas()
    axes.stairs(counts, HISTOGRAM_BINS_US, fill=True, color=OURS)
    axes.axvline(call_p50, color="black", lw=0.8)
    axes.set(
        xscale="log", yscale="log", xlabel="µs per call of policy(obs) from Python", ylabel="calls"
    )
    axes.set_title(f"median {call_p50:.2f} µs; inside C++ {step_p50:.2f} µs", fontsize=10)
    _save(figure, path)


def returns_bars(returns: dict[str, float], path: Path) -> None:
    """Return before and after, stage by stage."""
    labels = {
        "base_nominal": "base,\nmotor as built",
        "base_broken": "base,\nmotor reversed",
        "adapter_broken": "with adapter,\nmotor reversed",
        "midstride_control": "flip at 100,\nno adapter",
        "midstride": "flip at 100,\nadapter attached",
        "detached_broken": "adapter detached,\nmotor reversed",
    }
    figure, axes = _canvas(width=8.5)
    heights = [returns[name] for name in labels]
    colors = [OURS if height >= 475 else BAD for height in heights]
    bars = axes.bar(np.arange(len(labels)), heights, color=colors)
    axes.bar_label(bars, [f"{height:.0f}" for height in heights])
    axes.set_xticks(np.arange(len(labels)), list(labels.values()), fontsize=8)
    axes.set(ylabel="mean return, 20 episodes", ylim=(0, 550))
    _save(figure, path)


def promises(rounds: Sequence[dict[str, Any]], path: Path) -> None:
    """What each round dreamt, and what it earned."""
    figure, axes = _canvas()
    steps = [row["real_steps"] for row in rounds]
    axes.plot(steps, [row["imagined"] for row in rounds], color=OURS, marker="o", label="dreamt")
    earned = [row["returns"]["mean"] for row in rounds]
    axes.plot(steps, earned, color="black", marker="o", label="earned")
    for row in rounds:
        color = "#1a7f37" if row["verdict"] == "verified" else BAD
        axes.annotate(
            row["verdict"],
            (row["real_steps"], row["returns"]["mean"]),
            (8, -14),
            textcoords="offset points",
            color=color,
        )
    axes.set(xlabel="real environment steps", ylabel="return")
    axes.margins(0.15)
    axes.legend(frameon=False, loc="center right")
    _save(figure, path)


def _canvas(width: float = 6.5) -> tuple[Figure, Any]:
    figure, axes = plt.subplots(figsize=(width, 3.6), layout="constrained")
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, dpi=120)
    plt.close(figure)
