# SPDX-License-Identifier: Apache-2.0
"""Experience: real transitions and episodes, batches of paths, and the seeds that make them repeatable."""

from plasma_trainer.data.collect import collect, random_act
from plasma_trainer.data.log import Log, Sequences, Trajectory, collect_log
from plasma_trainer.data.minari_log import Recording, load_minari, save_minari
from plasma_trainer.data.paths import Paths
from plasma_trainer.data.seeds import derive
from plasma_trainer.data.transitions import Transitions

__all__ = [
    "Log",
    "Paths",
    "Recording",
    "Sequences",
    "Trajectory",
    "Transitions",
    "collect",
    "collect_log",
    "derive",
    "load_minari",
    "random_act",
    "save_minari",
]
