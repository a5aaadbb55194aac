# SPDX-License-Identifier: Apache-2.0
"""Which importer reads a policy: its content says, not its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx

from plasma_pack.compiler.lowering import Options
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.importers import pytorch
from plasma_pack.importers.imported import Imported
from plasma_pack.importers.onnx.convert import import_onnx
from plasma_pack.importers.pytorch import Example, is_pytorch
from plasma_pack.importers.sb3.convert import VecNormalizeFile, import_sb3, is_sb3
from plasma_pack.importers.sklearn import import_sklearn, is_sklearn
from plasma_pack.importers.state_dict.convert import import_state_dict
from plasma_pack.importers.state_dict.weights import (
    Weights,
    is_safetensors,
    is_weights,
    read_safetensors,
    read_weights,
)
from plasma_pack.importers.tflite import convert as tflite
from plasma_pack.importers.tflite.model import is_tflite

Source = Path | bytes | onnx.ModelProto | object
KINDS = (
    "ONNX, a zip of Stable-Baselines3, a state_dict of torch or safetensors, TensorFlow Lite (path "
    "or bytes), a text program (.pasm), a torch module or torch.export program, an MLP of scikit-learn"
)
_TITLES = {"onnx": "ONNX", "pytorch": "a torch module", "tflite": "TensorFlow Lite"}
_HEAD_BYTES = 9


@dataclass(frozen=True)
class Hints:
    """What a policy may not say: states of an ONNX graph; of Stable-Baselines3, where the statistics
    of VecNormalize are and how many frames the packet stacks; of a torch module, what it takes; of a
    state_dict, which layers act.
    """

    states: Mapping[str, str] | None = None
    vec_normalize: VecNormalizeFile = None
    frame_stack: int | None = None
    example: Example = None
    network: Mapping[str, Any] | Path | None = None


def import_policy(source: Source, hints: Hints, options: Options) -> Imported:
    """Compile a policy of any known format. Raises SourceError, OptionError for a hint that has no
    meaning there.
    """
    if is_sklearn(source):
        _refuse(hints, "scikit-learn")
        return import_sklearn(source, options)
    if is_pytorch(source):
        return _import_onnx(pytorch.to_onnx(source, hints.example), "pytorch", hints, options)
    if isinstance(source, onnx.ModelProto):
        return _import_onnx(source, "onnx", hints, options)
    if not isinstance(source, (Path, bytes)):
        raise SourceError(f"{type(source).__name__} is not a policy; expected one of {KINDS}")
    head = _read(source, _HEAD_BYTES)
    if head.startswith(b"PK"):
        return _import_zip(source, hints, options)
    if is_safetensors(head):
        return _import_weights(read_safetensors(_read(source)), hints, options)
    if head.startswith(b"\x80") and len(head) > 1 and head[1] <= 5:
        raise SourceError(
            "the policy is a pickle, which runs what it likes when it is loaded; if you trust it, "
            "load it and pass the object to plasma_pack.build"
        )
    if is_tflite(head):
        return _import_onnx(tflite.to_onnx(_read(source)), "tflite", hints, options)
    return _import_onnx(source, "onnx", hints, options)


def _import_zip(source: Path | bytes, hints: Hints, options: Options) -> Imported:
    data = _read(source)
    if is_weights(data):
        return _import_weights(_saved_by_torch(data), hints, options)
    if not is_sb3(data):
        raise SourceError(
            "the policy is a zip file, but neither one that model.save of Stable-Baselines3 writes "
            "nor a state_dict that torch.save does; a program that torch.export.save wrote (.pt2) "
            "is to be loaded with torch.export.load and passed to plasma_pack.build"
        )
    _refuse(replace(hints, vec_normalize=None, frame_stack=None), "a zip of Stable-Baselines3")
    return import_sb3(
        data,
        source if isinstance(source, Path) else None,
        vec_normalize=hints.vec_normalize,
        frame_stack=hints.frame_stack,
        options=options,
    )


def _saved_by_torch(data: bytes) -> Weights:
    try:
        return read_weights(data, "the policy")
    except SourceError as error:
        raise SourceError(
            f"{error}. Of what torch saves, a state_dict is taken: torch.save(module.state_dict(), …); "
            "of Stable-Baselines3, what model.save(…) writes"
        ) from error


def _import_weights(weights: Weights, hints: Hints, options: Options) -> Imported:
    _refuse(replace(hints, network=None), "a state_dict")
    return import_state_dict(weights, hints.network, options)


def _import_onnx(
    model: Path | bytes | onnx.ModelProto, kind: str, hints: Hints, options: Options
) -> Imported:
    _refuse(replace(hints, states=None), _TITLES[kind])
    imported = import_onnx(model, states=hints.states, options=options)
    origin = {"format": kind, "opset": imported.opset, "producer": imported.producer}
    return Imported(imported.program, origin)


def _read(source: Path | bytes, count: int = -1) -> bytes:
    """All of a file, or its first bytes."""
    if isinstance(source, bytes):
        return source if count < 0 else source[:count]
    try:
        with source.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise SourceError(f"{source} cannot be read: {error}") from error


def _refuse(hints: Hints, where: str) -> None:
    """Whatever is given but for the example, which is there for all who need one."""
    given = vars(replace(hints, example=None))
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise OptionError(f"{', '.join(named)} has no meaning for {where}")
