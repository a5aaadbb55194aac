# SPDX-License-Identifier: Apache-2.0
"""Which tasks count, when they are solved, and when one looks: the same for our runs and for Stable-Baselines3's."""

from __future__ import annotations

from collections.abc import Iterator

SEEDS = 5
CEILING = 300_000  # real steps; no baseline goes on beyond them
THRESHOLDS = {
    "CartPole-v1": 475.0,
    "Pendulum-v1": -200.0,
    "InvertedPendulum-v5": 950.0,
    "Acrobot-v1": -100.0,
    "Reacher-v5": -5.0,
    "LunarLander-v3": 200.0,
    "MountainCarContinuous-v0": 90.0,
    "plasma/NavigateMaze-v0": 0.9,
}


def evaluations() -> Iterator[int]:
    """Real steps at which a policy is evaluated: every 200 up to 2,000, and every 10 % after that."""
    steps = 0
    while True:
        steps += max(200, steps // 10)
        yield steps
