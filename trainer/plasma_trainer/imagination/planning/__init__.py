# SPDX-License-Identifier: Apache-2.0
"""Thinking before acting: the best of many imagined futures, within a budget, and never one that is forbidden."""

from collections.abc import Callable

from plasma_trainer.imagination.planning.budget import Budget
from plasma_trainer.imagination.planning.futures import Forbidden, Futures
from plasma_trainer.imagination.planning.gated import Gated
from plasma_trainer.imagination.planning.planner import Planner
from plasma_trainer.imagination.planning.sampling import Cem, Mppi
from plasma_trainer.imagination.planning.tree import Beam, Mcts

PLANNERS: dict[str, Callable[..., Planner]] = {"cem": Cem, "mppi": Mppi, "beam": Beam, "mcts": Mcts}

__all__ = [
    "PLANNERS",
    "Beam",
    "Budget",
    "Cem",
    "Forbidden",
    "Futures",
    "Gated",
    "Mcts",
    "Mppi",
    "Planner",
]
