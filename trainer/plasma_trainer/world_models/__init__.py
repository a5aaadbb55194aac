# SPDX-License-Identifier: Apache-2.0
"""Learnt worlds, one protocol. They know tensors, not environments.

Ensemble      full observations; knows best what it does not know
MdnRnn        partial observations: a memory, and a mixture over what comes next
Rssm          partial observations and pixels: remembered and drawn latents
Still         none of that: what the others must beat
LatentWorld   a Vae's eye with any world of vectors behind it: pixels
"""

from plasma_trainer.world_models.ensemble import Ensemble
from plasma_trainer.world_models.fit import fit
from plasma_trainer.world_models.latent_world import LatentWorld
from plasma_trainer.world_models.mdn_rnn import MdnRnn
from plasma_trainer.world_models.rssm import Rssm
from plasma_trainer.world_models.still import Still
from plasma_trainer.world_models.vae import Vae
from plasma_trainer.world_models.world import Imagined, World

__all__ = ["Ensemble", "Imagined", "LatentWorld", "MdnRnn", "Rssm", "Still", "Vae", "World", "fit"]
