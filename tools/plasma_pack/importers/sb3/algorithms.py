# SPDX-License-Identifier: Apache-2.0
"""Which network acts, for each kind of policy of Stable-Baselines3 and sb3-contrib.

A zip does not name its algorithm, only its class of policy, and that is what acts: PPO, A2C and TRPO
share one. An actor is what `predict(deterministic=True)` evaluates: means and not samples, logits
and not probabilities.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from plasma_pack.compiler.elements import Ids
from plasma_pack.errors import SourceError
from plasma_pack.importers.sb3.extractors import features
from plasma_pack.importers.sb3.observations import Seen
from plasma_pack.importers.state_dict.network import Network
from plasma_pack.importers.state_dict.pickles import Name

Observations = Mapping[str | None, Seen]
Options = Mapping[str, Any]  # policy_kwargs


@dataclass(frozen=True)
class Policy:
    """actor: from observations to the last layer, given the activation and policy_kwargs.

    activation: when policy_kwargs has none. squashes: ends in tanh, spread over the bounds, when
    policy_kwargs does not say. ignored: beginnings of names that do not act. weights: what keeps
    its choices; values are near a hundred and differ by a hundredth, which f16 rounds away. masks: an
    input says which choices there are.
    """

    actor: Callable[[Network, Observations, str, Options], Ids]
    activation: str
    squashes: bool
    ignored: tuple[str, ...]
    weights: str = "f16"
    masks: bool = False


def policy_of(value: Any) -> Policy:
    """The policy of the class that a zip names. Raises SourceError for one that is not known."""
    path = value.path if isinstance(value, Name) else "no class"
    module, _, name = path.rpartition(".")
    if name == "ARSLinearPolicy":
        return POLICIES[f"{module}.{name}"]
    if module not in POLICIES:
        raise SourceError(
            f"the policy is of class {path}; known are those of {', '.join(POLICIES)}. "
            "Export it to ONNX instead"
        )
    return POLICIES[module]


def _number(options: Options, name: str, default: float) -> float:
    value = options.get(name, default)
    if not isinstance(value, (int, float)) or not 0 < value < 1e9:
        raise SourceError(f"policy_kwargs: {name} is not a positive number")
    return value


def _actor_critic(network: Network, seen: Observations, activation: str, _: Options) -> Ids:
    x = _shared_layers(network, _own_features(network, seen), activation)
    return network.linear(network.mlp(x, "mlp_extractor.policy_net", activation), "action_net")


def _recurrent(network: Network, seen: Observations, activation: str, _: Options) -> Ids:
    x = network.lstm(_own_features(network, seen), "lstm_actor")
    return network.linear(network.mlp(x, "mlp_extractor.policy_net", activation), "action_net")


def _own_features(network: Network, seen: Observations) -> Ids:
    """Those of the actor where it does not share with the critic; older versions always share."""
    own = "pi_features_extractor."
    return features(network, seen, own if network.has(own) else "features_extractor.")


def _shared_layers(network: Network, x: Ids, activation: str) -> Ids:
    """Before version 1.8, actor and critic could begin with the same layers."""
    return network.mlp(x, "mlp_extractor.shared_net", activation)


def _squashed_gaussian(
    network: Network, seen: Observations, activation: str, options: Options
) -> Ids:
    """SAC and TQC."""
    x = features(network, seen, "actor.features_extractor.")
    return _mean(network, network.mlp(x, "actor.latent_pi", activation), options)


def _mean(network: Network, x: Ids, options: Options) -> Ids:
    """With gSDE it is kept within ± clip_mean."""
    if not network.has("actor.mu.0."):
        return network.linear(x, "actor.mu")
    mean = network.linear(x, "actor.mu.0")
    clip = np.full(mean.size, _number(options, "clip_mean", 2.0))
    return network.clamp(mean, -clip, clip)


def _cross_q(network: Network, seen: Observations, activation: str, options: Options) -> Ids:
    """CrossQ (Bhatt et al., 2024): SAC's actor with a batch norm before each layer."""
    x = features(network, seen, "actor.features_extractor.")
    epsilon = _number(options, "batch_norm_eps", 0.001)
    for layer in network.members("actor.latent_pi"):
        if network.has(f"{layer}.ra_mean"):
            x = network.batch_renorm(x, layer, epsilon)
        else:
            x = network.activate(network.linear(x, layer), activation)
    return _mean(network, x, options)


def _deterministic(network: Network, seen: Observations, activation: str, _: Options) -> Ids:
    x = features(network, seen, "actor.features_extractor.")
    return network.head(x, "actor.mu", activation)


def _q_values(network: Network, seen: Observations, activation: str, _: Options) -> Ids:
    x = features(network, seen, "q_net.features_extractor.")
    return network.head(x, "q_net.q_net", activation)


def _mean_quantiles(network: Network, seen: Observations, activation: str, options: Options) -> Ids:
    """[quantiles · actions] → [actions]. A mean of rows of a layer is a layer of mean rows."""
    x = features(network, seen, "quantile_net.features_extractor.")
    return network.head(
        x, "quantile_net.quantile_net", activation, int(_number(options, "n_quantiles", 200))
    )


def _searched(network: Network, seen: Observations, activation: str, _: Options) -> Ids:
    return network.head(features(network, seen, "features_extractor."), "action_net", activation)


_CRITICS = (
    *("value_net.", "mlp_extractor.value_net.", "vf_features_extractor.", "log_std"),
    *("features_extractor.", "sde_features_extractor.", "lstm_critic.", "critic."),
)
_ACTOR_CRITIC = Policy(_actor_critic, "Tanh", squashes=False, ignored=_CRITICS)
_RECURRENT = Policy(_recurrent, "Tanh", squashes=False, ignored=_CRITICS)
_GAUSSIAN = Policy(
    _squashed_gaussian,
    "ReLU",
    squashes=True,
    ignored=("critic", "actor.log_std", "actor.sde_features_extractor."),
)
_DETERMINISTIC = Policy(_deterministic, "ReLU", squashes=True, ignored=("critic", "actor_target."))

POLICIES = {
    "stable_baselines3.common.policies": _ACTOR_CRITIC,
    "stable_baselines3.sac.policies": _GAUSSIAN,
    "stable_baselines3.td3.policies": _DETERMINISTIC,
    "stable_baselines3.dqn.policies": Policy(
        _q_values, "ReLU", squashes=False, ignored=("q_net_target.",), weights="f32"
    ),
    "sb3_contrib.tqc.policies": _GAUSSIAN,
    "sb3_contrib.crossq.policies": replace(_GAUSSIAN, actor=_cross_q),
    "sb3_contrib.common.maskable.policies": replace(_ACTOR_CRITIC, masks=True),
    "sb3_contrib.qrdqn.policies": Policy(
        _mean_quantiles, "ReLU", squashes=False, ignored=("quantile_net_target.",), weights="f32"
    ),
    "sb3_contrib.common.recurrent.policies": _RECURRENT,
    "sb3_contrib.ars.policies": Policy(_searched, "ReLU", squashes=True, ignored=()),
    "sb3_contrib.ars.policies.ARSLinearPolicy": Policy(
        _searched, "ReLU", squashes=False, ignored=()
    ),
}
