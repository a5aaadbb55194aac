# SPDX-License-Identifier: Apache-2.0
"""Goals that random actions do not find, with curiosity and without. The rule: benchmarks/race.py.

make results ONLY=exploration
"""

from __future__ import annotations

from benchmarks.race import Race

BUDGETS = {"MountainCarContinuous-v0": 3000, "plasma/NavigateMaze-v0": 3000}


def without_curiosity() -> None:
    """From now on, every reward is worth training for."""
    from plasma_trainer.pipelines import learner

    learner.anything_tells = lambda *_: True


RACES = (
    Race("exploration", BUDGETS),
    Race("exploration_without_curiosity", BUDGETS, without_curiosity),
)

if __name__ == "__main__":
    for race in RACES:
        race.main(__doc__)
