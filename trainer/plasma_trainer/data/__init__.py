# SPDX-License-Identifier: Apache-2.0
"""Experience: real transitions, batches of paths, and the seeds that make both repeatable."""

from plasma_trainer.data.collect import collect, random_act
from plasma_trainer.data.paths import Paths
from plasma_trainer.data.seeds import derive
from plasma_trainer.data.transitions import Transitions

__all__ = ["Paths", "Transitions", "collect", "derive", "random_act"]
