# SPDX-License-Identifier: Apache-2.0
"""What the people who sign decide about a packet, besides its content: name, channel, order,
validity, signers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any, TypedDict

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import PublicKey, TrustStore, __version__
from plasma_pack.errors import OptionError
from plasma_pack.packet.keys import Key, Password, load_keys
from plasma_pack.packet.writer import Draft, write_packet

TOOL = f"plasma-pack {__version__}"
_BITS = {"sequence": 64, "rollback_index": 32, "not_before": 64, "not_after": 64}


class ReleaseOptions(TypedDict, total=False):
    """Keyword arguments of build and build_adapter. Times are Unix seconds, 0 = none."""

    name: str
    channel: str | None
    sequence: int
    rollback_index: int
    not_before: int
    not_after: int
    metadata: Mapping[str, Any]
    signers: Sequence[PublicKey | str | PathLike[str]]
    password: Password


@dataclass(frozen=True)
class Release:
    """ReleaseOptions with their defaults. `signers` are public keys that sign later."""

    name: str = ""
    channel: str | None = None
    sequence: int = 0
    rollback_index: int = 0
    not_before: int = 0
    not_after: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)
    signers: Sequence[PublicKey | str | PathLike[str]] = ()
    password: Password = None

    def __post_init__(self) -> None:
        for name, bits in _BITS.items():
            if not 0 <= getattr(self, name) < 1 << bits:
                raise OptionError(
                    f"{name}: found {getattr(self, name)}, expected 0 to 2^{bits} - 1"
                )
        if self.not_after and self.not_after < self.not_before:
            raise OptionError(f"not_after is {self.not_after}, before not_before {self.not_before}")

    def load_keys(self, key: Key | Sequence[Key]) -> list[Ed25519PrivateKey]:
        return load_keys(key, password=self.password)

    def sign(self, draft: Draft, keys: Sequence[Ed25519PrivateKey]) -> bytes:
        """The packet of this draft, with this release's fields, signed by all keys."""
        manifest = {
            **draft.manifest,
            "metadata": dict(self.metadata),
            "name": self.name,
            "tool": TOOL,
        }
        reserved = [key.raw for signer in self.signers for key in TrustStore.of(signer).keys]
        return write_packet(
            replace(
                draft,
                manifest={key: value for key, value in manifest.items() if value},
                channel=self.channel,
                sequence=self.sequence,
                rollback_index=self.rollback_index,
                not_before=self.not_before,
                not_after=self.not_after,
            ),
            keys,
            reserved,
        )
