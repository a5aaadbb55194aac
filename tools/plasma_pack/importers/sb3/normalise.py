# SPDX-License-Identifier: Apache-2.0
"""VecNormalize: where its statistics lie, and what they do to an observation.

Stable-Baselines3 saves them in a file of their own. A policy that was trained with them and packed
without them would see other numbers than it learnt from, so the zip is asked whether there were any.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from plasma_pack.errors import SourceError
from plasma_pack.importers.state_dict.arrays import AnyArray, array
from plasma_pack.importers.state_dict.pickles import Object, read_pickle

MAX_BYTES = 64 << 20
_NAMES = ("vecnormalize.pkl", "vec_normalize.pkl")


@dataclass(frozen=True, eq=False)
class Statistics:
    """(x − mean) · scale, then clamped to ± clip."""

    mean: AnyArray
    scale: AnyArray
    clip: float


Normaliser = dict[str | None, Statistics]  # by key of a Dict observation, None for the only one


def find_statistics(path: Path) -> Path | None:
    """The pickle that belongs to a zip: beside it, or in the folder of its name, where the zoo has it,
    which for `best_model.zip` and checkpoints has the environment's.

    `run_10_steps.zip` has `run_vecnormalize_10_steps.pkl`, as a CheckpointCallback names it.
    """
    prefix, _, steps = path.stem.removesuffix("_steps").rpartition("_")
    own = [f"{path.stem}.pkl", f"{path.stem}_vecnormalize.pkl", f"{path.stem}_vec_normalize.pkl"]
    own += [f"{prefix}_vecnormalize_{steps}_steps.pkl"] if path.stem.endswith("_steps") else []
    folders = [path.parent, path.parent / path.stem]
    for name in own:
        if (path.parent / name).is_file():
            return path.parent / name
    found = [folder / name for folder in folders for name in _NAMES if (folder / name).is_file()]
    if not found and (path.stem == "best_model" or path.stem.endswith("_steps")):
        found = [file for name in _NAMES for file in sorted(path.parent.glob(f"*/{name}"))]
    if len(found) > 1:
        raise SourceError(
            f"{path} has several VecNormalize files around it ({', '.join(map(str, found))}); "
            "name one: --vec-normalize FILE, vec_normalize=…"
        )
    return found[0] if found else None


def read_statistics(path: Path) -> Normaliser:
    """What a pickled VecNormalize does to observations; nothing when it only scales rewards."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise SourceError(f"{path} is larger than {MAX_BYTES:,} bytes")
        saved = read_pickle(path.read_bytes(), str(path))
    except OSError as error:
        raise SourceError(f"{path} cannot be read: {error}") from error
    if not isinstance(saved, Object) or not saved.type.endswith(".VecNormalize"):
        raise SourceError(f"{path} is not a VecNormalize; save it with vec_env.save(path)")
    state: Any = saved.state
    if isinstance(state, dict) and not state.get("norm_obs", True):
        return {}
    if not isinstance(state, dict) or "obs_rms" not in state:
        raise SourceError(f"{path} is a VecNormalize without statistics")
    rms, keys = state["obs_rms"], state.get("norm_obs_keys")
    members = rms if isinstance(rms, dict) else {None: rms}
    chosen = [key for key in members if keys is None or key is None or key in keys]
    return {key: _statistics(members[key], state, str(path)) for key in chosen}


def _statistics(rms: Any, state: dict[str, Any], what: str) -> Statistics:
    kept = rms.state if isinstance(rms, Object) else None
    if not isinstance(kept, dict) or not {"mean", "var"} <= kept.keys():
        raise SourceError(f"{what} holds statistics that are no RunningMeanStd")
    mean, variance = (array(kept[name], f"{name} in {what}") for name in ("mean", "var"))
    epsilon = float(array(state.get("epsilon", 1e-8), f"epsilon in {what}"))
    clip = float(array(state.get("clip_obs", 10.0), f"clip_obs in {what}"))
    spread = variance.astype(np.float64) + epsilon
    is_empty = not mean.ndim or not mean.size
    if is_empty or mean.shape != variance.shape or not (spread > 0).all() or not clip > 0:
        raise SourceError(f"{what} holds a variance that is not positive, or the wrong shape")
    return Statistics(mean.astype(np.float64), 1 / np.sqrt(spread), clip)
