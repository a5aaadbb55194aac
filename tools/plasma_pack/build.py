# SPDX-License-Identifier: Apache-2.0
"""From a policy to a signed packet, in one call: compile, prove, self-test, sign."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import onnx
from plasma_edge import PublicKey, _core

from . import format as fmt
from .assembler import assemble
from .atomic import write_file
from .audit import encode_audit
from .decode import decode
from .encode import encode, encode_patches
from .errors import AdapterError, OptionError, SourceError
from .golden import Observations, adapter_gold, base_gold
from .keys import Key, Password, load_keys
from .layout import lay_out
from .limits import LimitOptions, PerOutput, with_limits
from .lowering import Options
from .onnx_import import import_onnx
from .peft_import import load_patches
from .program import Program, Storage
from .reader import OpenPacket, open_packet
from .writer import Draft, write_packet

Source = str | Path | bytes | onnx.ModelProto | Program
TOOL = "plasma-pack 0.1.0"


@dataclass(frozen=True)
class Packet:
    """A signed packet. `slots`: names of the layers that adapters may change, in slot order."""

    data: bytes
    kind: str
    content_digest: bytes
    certificate: fmt.Certificate
    slots: tuple[str, ...]

    def save(self, path: str | Path) -> None:
        """Write the file, whole or not at all."""
        _save(Path(path), self.data)


@dataclass(frozen=True)
class Release:
    """What the people who sign decide. Times are Unix seconds, 0 = none."""

    name: str = ""
    channel: str | None = None
    sequence: int = 0
    rollback_index: int = 0
    not_before: int = 0
    not_after: int = 0
    metadata: Mapping[str, Any] | None = None

    def apply(self, draft: Draft) -> Draft:
        for field, bits in (("sequence", 64), ("rollback_index", 32), ("not_before", 64), ("not_after", 64)):
            if not 0 <= getattr(self, field) < 1 << bits:
                raise OptionError(f"{field}: found {getattr(self, field)}, expected 0 to 2^{bits} - 1")
        manifest = {**draft.manifest, "tool": TOOL, "name": self.name, "metadata": dict(self.metadata or {})}
        return replace(
            draft,
            manifest={key: value for key, value in manifest.items() if value},
            channel=self.channel,
            sequence=self.sequence,
            rollback_index=self.rollback_index,
            not_before=self.not_before,
            not_after=self.not_after,
        )


def build(
    source: Source,
    *,
    key: Key | Sequence[Key],
    out: str | Path | None = None,
    golden: Observations = None,
    audit: Mapping[str, Any] | None = None,
    max_adapters: int = 4,
    max_rank: int = 16,
    low: PerOutput = None,
    high: PerOutput = None,
    safe: PerOutput = None,
    max_delta: PerOutput = None,
    actuators: Sequence[str] | None = None,
    weights: str = "int8",
    states: Mapping[str, str] | None = None,
    ranges: Mapping[str, tuple[float, float]] | None = None,
    units: Mapping[str, str] | None = None,
    release: Release | None = None,
    channel: str | None = None,
    sequence: int = 0,
    signers: Sequence[PublicKey | bytes] = (),
    password: Password = None,
) -> Packet:
    """Compile a policy and sign it.

    source: ONNX (path, bytes, ModelProto), a text program (`.pasm` path), or a Program.
    """
    ...
