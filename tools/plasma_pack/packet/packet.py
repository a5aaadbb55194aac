# SPDX-License-Identifier: Apache-2.0
"""The result of build and build_adapter: a signed packet, in memory and on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_pack.errors import OptionError
from plasma_pack.packet import format as fmt
from plasma_pack.packet.atomic import write_file
from plasma_pack.packet.release import Release
from plasma_pack.packet.writer import Draft


@dataclass(frozen=True)
class Packet:
    """A signed packet. `slots`: layers that adapters may change; of an adapter, those it changes.
    `report`: what was measured while the precision of its layers was chosen, JSON-ready; empty when
    the caller chose.
    """

    data: bytes = field(repr=False)
    kind: str
    content_digest: bytes
    certificate: fmt.Certificate
    slots: tuple[str, ...]
    report: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def save(self, path: str | PathLike[str]) -> None:
        """Write the file, whole or not at all."""
        save(path, self.data)


def sign_draft(
    draft: Draft,
    proofs: Mapping[int, bytes],
    release: Release,
    keys: Sequence[Ed25519PrivateKey],
    out: str | PathLike[str] | None,
) -> Packet:
    """Add the sections that prove a draft (self-test, audit), sign it, and write it when `out` is given."""
    data = release.sign(replace(draft, sections={**draft.sections, **proofs}), keys)
    if out is not None:
        save(out, data)
    slots = tuple(draft.manifest["slots"])
    kind = draft.kind.name.lower()
    return Packet(data, kind, draft.content_digest, draft.certificate, slots)


def save(path: str | PathLike[str], data: bytes) -> None:
    """Write a packet, whole or not at all."""
    try:
        write_file(Path(path), data)
    except OSError as error:
        raise OptionError(f"{path} cannot be written: {error.strerror}") from error
