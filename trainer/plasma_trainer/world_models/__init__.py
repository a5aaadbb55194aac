# SPDX-License-Identifier: Apache-2.0
"""Learnt worlds, one protocol. They know tensors, not environments.

Ensemble      full observations; knows best what it does not know
MdnRnn        partial observations: a memory, and a mixture over what comes next
Rssm          partial observations and pixels: remembered and drawn latents
Still         none of that: what the others must beat
SecondOrder   positions without velocities, as in a frame: an Ensemble of both
LatentWorld   a Vae or an Eye with any world of vectors behind it, or a Tokenizer with a TokenTransformer: pixels
Diffusion     draws the next frame out of noise: pixels

ErrorPredictor is none: it says what a world of pixels will get wrong, and what is not its fault.
"""

from plasma_trainer.world_models.diffusion import Diffusion
from plasma_trainer.world_models.ensemble import Ensemble
from plasma_trainer.world_models.error_map import ErrorPredictor
from plasma_trainer.world_models.eye import Eye
from plasma_trainer.world_models.fit import fit
from plasma_trainer.world_models.latent_world import LatentWorld
from plasma_trainer.world_models.mdn_rnn import MdnRnn
from plasma_trainer.world_models.rssm import Rssm
from plasma_trainer.world_models.second_order import SecondOrder
from plasma_trainer.world_models.still import Still
from plasma_trainer.world_models.token_transformer import TokenTransformer
from plasma_trainer.world_models.tokenizer import Tokenizer
from plasma_trainer.world_models.vae import Vae
from plasma_trainer.world_models.world import Imagined, World

__all__ = [
    "Diffusion",
    "Ensemble",
    "ErrorPredictor",
    "Eye",
    "Imagined",
    "LatentWorld",
    "MdnRnn",
    "Rssm",
    "SecondOrder",
    "Still",
    "TokenTransformer",
    "Tokenizer",
    "Vae",
    "World",
    "fit",
]
