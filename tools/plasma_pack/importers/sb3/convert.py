# SPDX-License-Identifier: Apache-2.0
"""A zip of Stable-Baselines3 or sb3-contrib in, program out.

Only what acts is read: the spaces, policy_class, policy_kwargs and the weights. The rest of the file
(schedules, callbacks, replay, whatever a user hung on the algorithm) stays closed.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from plasma_pack.compiler.builder import Builder
from plasma_pack.compiler.lowering import Options, lower
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.importers.imported import Imported
from plasma_pack.importers.sb3 import actions
from plasma_pack.importers.sb3.algorithms import Policy, policy_of
from plasma_pack.importers.sb3.normalise import find_statistics, read_statistics
from plasma_pack.importers.sb3.observations import Observer
from plasma_pack.importers.sb3.spaces import space
from plasma_pack.importers.state_dict.archive import Archive
from plasma_pack.importers.state_dict.network import Network
from plasma_pack.importers.state_dict.pickles import Name, read_pickle
from plasma_pack.importers.state_dict.weights import read_weights
from plasma_pack.program.program import Program

MAX_FILE_BYTES = 1 << 30
MAX_DATA_BYTES = 64 << 20
VecNormalizeFile = Path | Literal[False] | None  # None: look for it

MEMBERS = ("data", "policy.pth")
MANY_WEIGHTS = 1 << 19  # a megabyte as f16
_EXTRACTORS = "stable_baselines3.common.torch_layers."


def is_sb3(data: bytes) -> bool:
    """Whether these bytes are what `model.save` writes."""
    return data.startswith(b"PK") and all(name.encode() in data for name in MEMBERS)


def import_sb3(
    data: bytes,
    path: Path | None = None,
    *,
    vec_normalize: VecNormalizeFile = None,
    frame_stack: int | None = None,
    options: Options | None = None,
) -> Imported:
    """Compile the policy of a saved model. Raises SourceError naming what it cannot be made of.

    path: where the zip lies, to look for statistics of VecNormalize around it. vec_normalize: the
    file itself, False for none. frame_stack: observations come one by one, and the packet remembers so many.
    """
    if frame_stack is not None and frame_stack < 1:
        raise OptionError(f"frame_stack: found {frame_stack}, expected at least 1")
    saved = _Saved(data, "the zip" if path is None else path.name)
    policy = policy_of(saved.value("policy_class"))
    chosen = _policy_options(saved)
    found = _statistics_file(saved, path, vec_normalize)
    normaliser = {} if found is None else read_statistics(found)
    network = Network(Builder(), saved.weights())
    is_scaled = bool(chosen.get("normalize_images", True))
    observer = Observer(network, normaliser, frame_stack, is_scaled)
    seen = observer.observe(space(saved.value("observation_space"), "observation_space"))
    last = policy.actor(network, seen, _activation(chosen, policy), chosen)
    network.refuse_leftovers(policy.ignored)
    acted = space(saved.value("action_space"), "action_space")
    if policy.masks:
        last = actions.masked(network, last, observer.masks(actions.choices_of(acted)))
    action, limits = actions.act(
        network,
        last,
        acted,
        squashes=bool(chosen.get("squash_output", policy.squashes)),
    )
    program = lower(network.builder, {actions.NAME: action}, network.states, options or Options())
    _check_inputs(network, program)
    weights = _weights(network, policy)
    return Imported(program, saved.origin(found), limits, observer.samples, weights)


class _Saved:
    """The members of a zip and the entries of its `data`."""

    def __init__(self, data: bytes, what: str) -> None:
        if len(data) > MAX_FILE_BYTES:
            raise SourceError(
                f"{what} has {len(data):,} bytes, expected at most {MAX_FILE_BYTES:,}"
            )
        self.archive = Archive(data, what)
        self.data = self.archive.json("data", MAX_DATA_BYTES)

    def value(self, key: str) -> Any:
        """An entry: JSON as it is, or the records of a pickle in base64."""
        entry = self.data.get(key)
        if not isinstance(entry, dict) or ":serialized:" not in entry:
            return entry
        try:
            pickled = base64.b64decode(entry[":serialized:"], validate=True)
        except (TypeError, ValueError, binascii.Error) as error:
            raise SourceError(f"{key!r} in {self.archive.what} is not base64: {error}") from error
        return read_pickle(pickled, f"{key!r} in {self.archive.what}")

    def weights(self) -> Mapping[str, Any]:
        return read_weights(self.archive.read("policy.pth"), f"policy.pth of {self.archive.what}")

    def origin(self, statistics: Path | None) -> dict[str, Any]:
        member = "_stable_baselines3_version"
        raw = self.archive.read(member, 64) if member in self.archive.names else b""
        policy_class = self.value("policy_class")
        return {
            "format": "stable-baselines3",
            "version": raw.decode("ascii", "replace").strip(),
            "policy": policy_class.path,
            "vec_normalize": "" if statistics is None else statistics.name,
        }


def _policy_options(saved: _Saved) -> Mapping[str, Any]:
    """policy_kwargs. A features extractor of one's own has layers nobody here knows."""
    chosen = saved.value("policy_kwargs") or {}
    if not isinstance(chosen, dict):
        raise SourceError("policy_kwargs is not a dict")
    extractor = chosen.get("features_extractor_class")
    if extractor is not None and not (
        isinstance(extractor, Name) and extractor.path.startswith(_EXTRACTORS)
    ):
        path = extractor.path if isinstance(extractor, Name) else type(extractor).__name__
        raise SourceError(
            f"the policy has a features extractor of its own ({path}); export it to ONNX instead"
        )
    return chosen


def _activation(chosen: Mapping[str, Any], policy: Policy) -> str:
    given = chosen.get("activation_fn")
    if given is None:
        return policy.activation
    if not isinstance(given, Name) or not given.path.startswith("torch.nn.modules."):
        path = given.path if isinstance(given, Name) else type(given).__name__
        raise SourceError(f"the activation {path} is not one of torch.nn")
    return given.path.rpartition(".")[2]


def _statistics_file(saved: _Saved, path: Path | None, named: VecNormalizeFile) -> Path | None:
    """On-policy algorithms keep the first observation as it was before VecNormalize, if there was
    one, so that statistics which are missing are missed. The others leave no such trace.
    """
    if named is not None:
        return named or None
    found = find_statistics(path) if path is not None else None
    was_normalised = saved.data.get("_last_original_obs") and "learning_starts" not in saved.data
    if found is None and was_normalised:
        raise SourceError(
            f"{saved.archive.what} was trained with VecNormalize, whose statistics are in a file "
            "of their own; put it beside the zip (vecnormalize.pkl) or name it: --vec-normalize "
            "FILE, vec_normalize=…; none, or False, if it normalised rewards alone"
        )
    return found


def _weights(network: Network, policy: Policy) -> str:
    """Drawn observations do not tell what int8 costs: a policy that balances lives where its choices
    are closest. So, small ones keep their weights in float, unless somebody says what they see.
    """
    taken = [network.weights[name] for name in network.taken]
    has_kernels = any(values.ndim == 4 for values in taken)
    is_large = sum(values.size for values in taken) > MANY_WEIGHTS
    return "auto" if has_kernels or is_large else policy.weights


def _check_inputs(network: Network, program: Program) -> None:
    """Every observation must reach the action; a validator would refuse it with less of a reason."""
    used = {tensor.name for tensor in program.tensors}
    declared = network.builder.spans.values()
    for span in declared:
        if span.storage.name == "INPUT" and span.name not in used:
            raise SourceError(f"the observation {span.name!r} does not reach the action")
