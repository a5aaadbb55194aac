# SPDX-License-Identifier: Apache-2.0
"""Which worlds there are, by name, and in which order their parts are fitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from gymnasium import spaces
from torch import Tensor, nn

from plasma_trainer.data import Log
from plasma_trainer.errors import UsageError
from plasma_trainer.world_models import (
    Diffusion,
    Ensemble,
    Eye,
    LatentWorld,
    MdnRnn,
    Rssm,
    SecondOrder,
    Still,
    Tokenizer,
    TokenTransformer,
    Vae,
    World,
)

Make = Callable[[tuple[int, ...], int, bool], Any]
"""Shape of an observation, number of actions, whether they are discrete -> an unfitted part."""

WORLDS: dict[str, Make] = {
    "still": Still,
    "ensemble": lambda shape, actions, discrete: Ensemble(shape[0], actions, discrete),
    "second-order": lambda shape, actions, discrete: SecondOrder(shape[0], actions, discrete),
    "mdn-rnn": lambda shape, actions, discrete: MdnRnn(shape[0], actions, discrete),
    "transformer": lambda shape, actions, discrete: TokenTransformer(shape[0], actions, discrete),
    "rssm": Rssm,
    "diffusion": Diffusion,
}
EYES: dict[str, Make] = {
    "eye": Eye,
    "vae": lambda shape, actions, discrete: Vae(*shape),
    "tokenizer": lambda shape, actions, discrete: Tokenizer(shape),
}
SEEING = {  # worlds of latents: what sees, and what lives behind it
    "eye+ensemble": ("eye", "second-order"),
    "vae+mdn-rnn": ("vae", "mdn-rnn"),
    "tokens": ("tokenizer", "transformer"),
}
STEADY = (
    "+steady"  # behind a name: the same parts, whose latents are held where the eye can see them
)
VECTOR_WORLDS = ("still", "ensemble", "mdn-rnn", "rssm")
PIXEL_WORLDS = (
    "still",
    "eye+ensemble",
    "eye+ensemble" + STEADY,
    "vae+mdn-rnn",
    "vae+mdn-rnn" + STEADY,
    "rssm",
    "tokens",
    "diffusion",
)

Fit = Callable[[str, nn.Module, Log, Log], None]
"""Fits one part: its name, the part, episodes to learn from, and others to be stopped by."""


def new_world(name: str, obs_shape: tuple[int, ...], space: spaces.Space[Any]) -> World:
    """An unfitted world for observations of this shape. Raises UsageError when there is none of that name."""
    discrete = isinstance(space, spaces.Discrete)
    actions = int(space.n) if isinstance(space, spaces.Discrete) else space.shape[0]
    known = PIXEL_WORLDS if len(obs_shape) == 3 else VECTOR_WORLDS
    if name not in known:
        raise UsageError(
            f"no world {name!r} for observations of shape {obs_shape}; choose from {', '.join(known)}"
        )
    kind = name.removesuffix(STEADY)
    if kind not in SEEING:
        return WORLDS[kind](obs_shape, actions, discrete)
    sees, lives = SEEING[kind]
    eye = EYES[sees](obs_shape, actions, discrete)
    behind = WORLDS[lives]((eye.latent_dim,), actions, discrete)
    return LatentWorld(eye, behind, steady=kind != name)


def fit_parts(name: str, world: World, train: Log, held_out: Log, fit: Fit) -> None:
    """Adopt and fit every part of `world` in order: first what sees, then what lives behind it."""
    device = world.temperature.device
    if isinstance(world, LatentWorld):
        first, name = SEEING[name.removesuffix(STEADY)]
        _fit_eye(first, world.vae, train, held_out, fit, device)
        train, held_out = (_seen(log, world.vae.get_latent, device) for log in (train, held_out))
        world = world.world
    world.adopt(train.pieces().to(device))
    if not isinstance(world, Still):
        fit(name, world, train, held_out)


def _fit_eye(
    part: str,
    eye: Vae | Eye | Tokenizer,
    train: Log,
    held_out: Log,
    fit: Fit,
    device: torch.device,
) -> None:
    if isinstance(eye, Eye):  # it learns from glimpses, made once
        train, held_out = (_seen(log, eye.glimpse, device) for log in (train, held_out))
    eye.adopt(train.pieces().to(device))
    fit(part, eye, train, held_out)
    if isinstance(eye, Eye):
        eye.settle(train.pieces().to(device))


def _seen(log: Log, encode: Callable[[Tensor], Tensor], device: torch.device) -> Log:
    return log.seen_as(lambda obs: encode(obs.to(device)).cpu())
