# SPDX-License-Identifier: Apache-2.0
"""Experience: real transitions and episodes, batches of paths, and the seeds that make them repeatable."""

from plasma_trainer.data.collect import collect, random_act
from plasma_trainer.data.log import Log, Sequences, Trajectory, collect_log
from plasma_trainer.data.paths import Paths
from plasma_trainer.data.seeds import derive
from plasma_trainer.data.transitions import Transitions

__all__ = [
    "Log",
    "Paths",
    "Sequences",
    "Trajectory",
    "Transitions",
    "collect",
    "collect_log",
    "derive",
    "random_act",
]
