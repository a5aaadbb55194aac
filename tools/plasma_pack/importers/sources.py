# SPDX-License-Identifier: Apache-2.0
"""Which importer reads a policy: its content says, not its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import onnx

from plasma_pack.compiler.lowering import Options
from plasma_pack.errors import OptionError, SourceError
from plasma_pack.importers.imported import Imported
from plasma_pack.importers.onnx.convert import import_onnx
from plasma_pack.importers.sb3.convert import VecNormalizeFile, import_sb3, is_sb3
from plasma_pack.importers.tflite.convert import to_onnx
from plasma_pack.importers.tflite.model import is_tflite

Source = Path | bytes | onnx.ModelProto
_HEAD_BYTES = 8


@dataclass(frozen=True)
class Hints:
    """What a file may not say: states of an ONNX graph; of Stable-Baselines3, where the statistics
    of VecNormalize are and how many frames the packet stacks.
    """

    states: Mapping[str, str] | None = None
    vec_normalize: VecNormalizeFile = None
    frame_stack: int | None = None


def import_policy(source: Source, hints: Hints, options: Options) -> Imported:
    """Compile a policy of any known format. Raises SourceError, OptionError for a hint that has no
    meaning there.
    """
    head = _head(source)
    zipped = _whole(source) if head.startswith(b"PK") else None
    if zipped is not None and is_sb3(zipped):
        _refuse({"states": hints.states}, "a zip of Stable-Baselines3")
        path = source if isinstance(source, Path) else None
        return import_sb3(
            zipped,
            path,
            vec_normalize=hints.vec_normalize,
            frame_stack=hints.frame_stack,
            options=options,
        )
    if zipped is not None:
        raise SourceError(
            "the policy is a zip file, but not one that model.save of Stable-Baselines3 writes"
        )
    kind = "tflite" if is_tflite(head) else "onnx"
    _refuse({"vec_normalize": hints.vec_normalize, "frame_stack": hints.frame_stack}, kind)
    model = to_onnx(_whole(source)) if kind == "tflite" else source
    onnx_import = import_onnx(model, states=hints.states, options=options)
    origin = {
        "format": kind,
        "opset": onnx_import.opset,
        "producer": onnx_import.producer,
    }
    return Imported(onnx_import.program, origin)


def _head(source: Source) -> bytes:
    """The first bytes of a file."""
    return b"" if isinstance(source, onnx.ModelProto) else _read(source, _HEAD_BYTES)


def _whole(source: Source) -> bytes:
    assert not isinstance(source, onnx.ModelProto)
    return _read(source, -1)


def _read(source: Path | bytes, count: int) -> bytes:
    if isinstance(source, bytes):
        return source if count < 0 else source[:count]
    try:
        with source.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise SourceError(f"{source} cannot be read: {error}") from error


def _refuse(given: Mapping[str, object], where: str) -> None:
    named = [name for name, value in given.items() if value is not None]
    if named:
        raise OptionError(f"{', '.join(named)} has no meaning for {where}")
