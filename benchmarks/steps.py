# SPDX-License-Identifier: Apache-2.0
"""Real steps until a task is solved, ours beside the best of Stable-Baselines3. The rule: benchmarks/race.py.

make results ONLY=steps
python -m benchmarks.steps --task Pendulum-v1 --seed 3
"""

from __future__ import annotations

from benchmarks.race import Race

RACE = Race(
    "steps",
    {
        "CartPole-v1": 2000,
        "Pendulum-v1": 2000,
        "InvertedPendulum-v5": 2000,
        "Acrobot-v1": 4000,
        "Reacher-v5": 4000,
        "LunarLander-v3": 20_000,
    },
)

if __name__ == "__main__":
    RACE.main(__doc__)
