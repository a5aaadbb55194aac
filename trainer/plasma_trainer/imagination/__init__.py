# SPDX-License-Identifier: Apache-2.0
"""Imagined experience: phantom paths, and the same worlds dressed as Gymnasium vector environments."""

from plasma_trainer.imagination.dream_env import DreamVectorEnv
from plasma_trainer.imagination.phantoms import Phantoms, Sample, Starts, simulate, worst_return

__all__ = [
    "DreamVectorEnv",
    "Phantoms",
    "Sample",
    "Starts",
    "simulate",
    "worst_return",
]
