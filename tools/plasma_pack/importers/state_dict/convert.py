# SPDX-License-Identifier: Apache-2.0
"""Weights without a network, as `torch.save(agent.state_dict())` and safetensors leave them.

Those that CleanRL's scripts save are known by the names of their layers. Of any other a small
description says which layers act, in order (docs/importing.md).
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.elements import Ids
from plasma_pack.compiler.limits import LimitOptions
from plasma_pack.compiler.lowering import Options, lower
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.importers.imported import Imported
from plasma_pack.importers.state_dict.network import Network
from plasma_pack.importers.state_dict.weights import Weights
from plasma_pack.program.program import Array, Storage

Layer = str | Mapping[str, Any]
ACTIONS = ("continuous", "discrete", "tanh", "atoms")
_PICTURE = (4, 84, 84)  # what Atari's wrappers give


@dataclass(frozen=True)
class Description:
    """layers: names of linear layers, activations and {"conv": name, "stride": n}, in order.

    action: 'continuous' is the last layer; 'discrete' its largest; 'tanh' is spread over
    action_scale and action_bias; 'atoms' the action of the largest mean of a distribution (C51).
    shape: of an observation, where it is no vector. mean, std, clip: how observations are
    normalised; CleanRL leaves that to the environment, whose statistics it does not save.
    """

    layers: tuple[Layer, ...]
    action: str
    shape: tuple[int, ...] | None = None
    mean: Array | None = None
    std: Array | None = None
    clip: float = float("inf")


def import_state_dict(
    weights: Weights, described: Mapping[str, Any] | Path | None, options: Options
) -> Imported:
    """Raises SourceError naming the layer, OptionError for a description that makes no sense."""
    if described is None:
        script, description = _recognised(weights)
    else:
        script, description = "", _parsed(described)
    network = Network(Builder(), weights)
    x = _observation(network, description)
    for layer in description.layers:
        x = _layer(network, x, layer)
    action, limits = _action(network, x, description.action)
    program = lower(network.builder, {"action": action}, {}, options)
    return Imported(program, {"format": "state_dict", "script": script}, limits)


def _parsed(described: Mapping[str, Any] | Path) -> Description:
    if isinstance(described, Path):
        try:
            described = json.loads(described.read_text("utf-8"))
        except (OSError, ValueError) as error:
            raise OptionError(f"network: {described} cannot be read as JSON: {error}") from error
    known = [f.name for f in fields(Description)]
    if not isinstance(described, Mapping) or not {"layers", "action"} <= described.keys():
        raise OptionError(f"network: expected an object of {', '.join(known)}")
    if unknown := [name for name in described if name not in known]:
        raise OptionError(f"network: found {', '.join(unknown)}, expected {', '.join(known)}")
    if described["action"] not in ACTIONS:
        raise OptionError(
            f"network: found action {described['action']!r}, expected one of {', '.join(ACTIONS)}"
        )
    try:
        return Description(**{name: _READ[name](value) for name, value in described.items()})
    except (TypeError, ValueError, OverflowError) as error:
        raise OptionError(f"network: an entry is not of its kind: {error}") from error


def _sizes(value: Any) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in value)
    if not sizes or min(sizes) < 1:
        raise ValueError(f"found shape {value}, expected sizes from 1 on")
    return sizes


def _statistics(value: Any) -> Array:
    numbers = np.asarray(value, np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"found {value}, expected finite numbers")
    return numbers


def _spreads(value: Any) -> Array:
    numbers = _statistics(value)
    if not (numbers > 0).all():
        raise ValueError(f"found std {value}, expected numbers above 0")
    return numbers


_READ: Mapping[str, Callable[[Any], Any]] = {
    "layers": tuple,
    "action": str,
    "shape": _sizes,
    "mean": _statistics,
    "std": _spreads,
    "clip": float,
}


def _recognised(weights: Weights) -> tuple[str, Description]:
    """CleanRL's script, by the layers that it alone has."""

    def sees_pictures(layer: str) -> bool:
        return weights[f"{layer}.weight"].ndim == 4

    def mlp(prefix: str, activation: str) -> tuple[Layer, ...]:
        named = [name.split(".")[1] for name in weights if name.startswith(f"{prefix}.")]
        numbers = {int(name) for name in named if _NUMBER.fullmatch(name)}
        layers = [part for k in sorted(numbers) for part in (f"{prefix}.{k}", activation)]
        return tuple(layers[:-1])

    has = {name.removesuffix(".weight") for name in weights}
    if {"fc1", "fc2", "fc_mean", "action_scale"} <= has:
        return "sac", Description(("fc1", "relu", "fc2", "relu", "fc_mean"), "tanh")
    if {"fc1", "fc2", "fc_mu", "action_scale"} <= has:
        return "td3 or ddpg", Description(("fc1", "relu", "fc2", "relu", "fc_mu"), "tanh")
    if "actor_mean.0" in has:
        return "ppo, continuous", Description(mlp("actor_mean", "tanh"), "continuous")
    if "network.0" in has and sees_pictures("network.0"):
        head = ("relu", "actor") if "actor" in has else ("relu", "network.9")
        action = "atoms" if "atoms" in has else "discrete"
        return "atari", Description((*_NATURE, *head), action, _PICTURE, std=np.array(255.0))
    if "network.0" in has:
        action = "atoms" if "atoms" in has else "discrete"
        return "dqn", Description(mlp("network", "relu"), action)
    if "actor.0" in has:
        return "ppo", Description(mlp("actor", "tanh"), "discrete")
    raise SourceError(
        f"the weights have the layers {', '.join(sorted(has)[:8])}, which no script of CleanRL "
        "has; say which of them act: network=…, --network FILE (docs/importing.md), or build "
        "the module itself"
    )


_NUMBER = re.compile("[0-9]{1,4}")
_NATURE: tuple[Layer, ...] = (
    *({"conv": "network.0", "stride": 4}, "relu", {"conv": "network.2", "stride": 2}, "relu"),
    *({"conv": "network.4", "stride": 1}, "relu", "network.7"),
)


def _observation(network: Network, description: Description) -> Ids:
    shape = description.shape
    if shape is None:
        first = description.layers[0] if description.layers else ""
        if not isinstance(first, str):
            raise OptionError("network: an image needs shape: [channels, height, width]")
        shape = (network.take(f"{first}.weight", 2).shape[1],)
    x = network.builder.declare("obs", shape, Storage.INPUT).reshape(shape)
    if description.mean is not None or description.std is not None:
        mean = np.zeros(1) if description.mean is None else description.mean
        std = np.ones(1) if description.std is None else description.std
        try:
            mean, scale = np.broadcast_to(mean, shape), np.broadcast_to(1 / std, shape)
        except ValueError as error:
            raise OptionError(f"network: mean or std is not of shape {list(shape)}") from error
        x = network.affine(x, mean, scale)
    if np.isfinite(description.clip):
        limit = np.full(x.size, description.clip)
        x = network.clamp(x, -limit, limit)
    return x


def _layer(network: Network, x: Ids, layer: Layer) -> Ids:
    if isinstance(layer, Mapping):
        if layer.keys() - {"stride"} != {"conv"}:
            raise OptionError(f'network: found {dict(layer)}, expected {{"conv": …, "stride": …}}')
        stride = layer.get("stride", 1)
        if type(stride) is not int:
            raise OptionError(f"network: found stride {stride!r}, expected a whole number")
        return network.convolution(x, str(layer["conv"]), stride)
    if not isinstance(layer, str):
        raise OptionError(f"network: found layer {layer!r}, expected a name")
    if (activation := network.activation_named(layer)) is not None:
        return network.activate(x, activation)
    return network.linear(x.reshape(-1), layer)


def _action(network: Network, x: Ids, kind: str) -> tuple[Ids, LimitOptions]:
    builder = network.builder
    if kind == "continuous":
        return x, LimitOptions()
    if kind == "tanh":
        scale, bias = (network.take(f"action_{part}", None) for part in ("scale", "bias"))
        scale, bias = (np.broadcast_to(v.reshape(-1), x.shape) for v in (scale, bias))
        limits = LimitOptions(low={"action": bias - scale}, high={"action": bias + scale})
        return network.squash(x, scale, bias), limits
    if kind == "atoms":
        x = _mean_of_atoms(network, x)
    return builder.ids(builder.largest(x)), LimitOptions()


def _mean_of_atoms(network: Network, logits: Ids) -> Ids:
    """Bellemare et al. (2017): of each action's distribution over `atoms` the mean."""
    builder, atoms = network.builder, network.take("atoms", 1)
    if logits.size % atoms.size:
        raise SourceError(f"the last layer gives {logits.size} values of {atoms.size} atoms each")
    rows = (logits.size // atoms.size, atoms.size)
    shares = builder.unary("softmax", builder.tensor(logits, rows))
    weighed = builder.scale(shares, np.tile(atoms.astype(np.float64), rows[0]))
    return builder.ids(builder.emit("reduce_sum", [weighed], rows[0]))
