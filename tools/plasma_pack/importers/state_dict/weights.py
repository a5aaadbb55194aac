# SPDX-License-Identifier: Apache-2.0
"""A state_dict as torch saves it (a zip of one pickle and one file per storage), without torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

import numpy as np
import safetensors
import safetensors.numpy

from plasma_pack.errors import SourceError
from plasma_pack.importers.state_dict.archive import Archive
from plasma_pack.importers.state_dict.arrays import AnyArray
from plasma_pack.importers.state_dict.pickles import Name, Object, read_pickle

MAX_PICKLE_BYTES = 16 << 20
_DTYPES = {
    "torch.BoolStorage": "?",
    "torch.DoubleStorage": "<f8",
    "torch.FloatStorage": "<f4",
    "torch.HalfStorage": "<f2",
    "torch.IntStorage": "<i4",
    "torch.LongStorage": "<i8",
}
Weights = Mapping[str, AnyArray]


def is_weights(data: bytes) -> bool:
    """A zip with a pickle of tensors at hand; others have such a zip inside."""
    return any(name.endswith("/data.pkl") for name in Archive(data, "the policy").names)


def read_weights(data: bytes, what: str) -> Weights:
    """{name: array} of a state_dict, or of the first of several: the actor. Raises SourceError when
    it is anything else.
    """
    if not data.startswith(b"PK"):
        raise SourceError(
            f"{what} is not a zip: it is broken, or torch before 1.6 saved it; then load and save "
            "the policy once with a newer torch"
        )
    archive = Archive(data, what)
    folder = _folder(archive)
    storages: dict[str, AnyArray] = {}

    def storage(reference: Any) -> AnyArray:
        _, kind, key, *_ = reference
        if not isinstance(kind, Name) or kind.path not in _DTYPES:
            raise SourceError(f"{what} holds numbers of an unknown type")
        if key not in storages:
            raw = archive.read(f"{folder}data/{key}")
            storages[key] = np.frombuffer(raw, _DTYPES[kind.path])
        return storages[key]

    pickled = archive.read(f"{folder}data.pkl", MAX_PICKLE_BYTES)
    state = _state_dict(read_pickle(pickled, f"data.pkl of {what}", storage))
    if not isinstance(state, dict):
        raise SourceError(f"{what} holds no state_dict")
    return {str(name): _tensor(value, f"{name} in {what}") for name, value in state.items()}


def _state_dict(saved: Any) -> Any:
    """As CleanRL saves it: alone, (actor, critics…), or {"model_weights": …, "args": …}."""
    if isinstance(saved, (tuple, list)) and saved:
        return saved[0]
    if isinstance(saved, dict) and "model_weights" in saved:
        return saved["model_weights"]
    return saved


def _folder(archive: Archive) -> str:
    found = [name for name in archive.names if PurePosixPath(name).name == "data.pkl"]
    if len(found) != 1:
        raise SourceError(f"{archive.what} has {len(found)} members data.pkl, expected one")
    folder = found[0].removesuffix("data.pkl")
    order = f"{folder}byteorder"
    if order in archive.names and archive.read(order, 16) != b"little":
        raise SourceError(f"{archive.what} was saved on a big-endian machine; save it on another")
    return folder


def _tensor(value: Any, what: str) -> AnyArray:
    if isinstance(value, Object) and value.type == "torch._utils._rebuild_parameter":
        value = value.args[0]
    if not isinstance(value, Object) or value.type != "torch._utils._rebuild_tensor_v2":
        raise SourceError(f"{what} is not a tensor")
    try:
        storage, offset, size, stride, *_ = value.args
        return _inside(storage, offset, size, stride)
    except (ValueError, TypeError, AttributeError, OverflowError) as error:
        raise SourceError(f"{what} does not fit its storage: {error}") from error


def _inside(storage: AnyArray, offset: int, size: Any, stride: Any) -> AnyArray:
    """The tensor as an array of its own, no larger than its storage."""
    if not all(isinstance(number, int) and number >= 0 for number in (offset, *size, *stride)):
        raise ValueError("its shape is not made of sizes")
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if math.prod(size) > storage.size or (math.prod(size) and last >= storage.size):
        raise ValueError(f"it has shape {size}")
    steps = [step * storage.itemsize for step in stride]
    view = np.lib.stride_tricks.as_strided(storage[offset:], size, steps, writeable=False)
    return np.ascontiguousarray(view).reshape(size)


def is_safetensors(head: bytes) -> bool:
    """By the first nine bytes of a file: the length of a JSON object, and its beginning."""
    return len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < 1 << 27


def read_safetensors(data: bytes) -> Weights:
    try:
        return safetensors.numpy.load(data)
    except (safetensors.SafetensorError, ValueError, KeyError, TypeError) as error:
        raise SourceError(f"the policy is not a whole safetensors file: {error}") from error
