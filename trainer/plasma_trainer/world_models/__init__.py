# SPDX-License-Identifier: Apache-2.0
"""Learnt worlds. They know tensors, not environments."""

from plasma_trainer.world_models.ensemble import Ensemble, Imagined
from plasma_trainer.world_models.fit import fit

__all__ = ["Ensemble", "Imagined", "fit"]
