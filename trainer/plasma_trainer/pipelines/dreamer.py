# SPDX-License-Identifier: Apache-2.0
"""A learner that believes in its world wherever it goes: how policies come to cheat, and what the audit is for."""

from __future__ import annotations

from torch import Tensor

from plasma_trainer.pipelines.learner import Learner


class Dreamer(Learner):
    """Its phantom lives go on where the world is lost, so the world's mistakes are there to be learnt; and it sees a
    reason to act in whatever the world pays."""

    silent = False

    def feared(self, task: dict[str, Tensor]) -> None:
        return None
