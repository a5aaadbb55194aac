"""Step 3 of FORMAT.md: who signed, and whether that is enough. Keys of a plain list, or of a trust root (section 8)."""

from __future__ import annotations

from dataclasses import dataclass

from tests.reference.container import ROOT, Container, digest, require
from tests.reference.ed25519 import is_good

_PACKET = b"application/vnd.plasma-edge.packet.v1"
_TRUST = b"application/vnd.plasma-edge.trust.v1"


@dataclass(frozen=True)
class Channel:
    """`keys`: one bit for each that may sign in it."""

    id: bytes
    sequence_floor: int
    rollback_floor: int
    reset: int
    keys: int


@dataclass(frozen=True)
class Root:
    """What a trust root says besides its keys; roles and thresholds by kind of packet, from 1 on."""

    version: int
    issued_at: int
    expires: int
    content_digest: bytes
    roles: tuple[int, ...]
    thresholds: tuple[int, int, int]
    channels: tuple[Channel, ...]
    revoked: tuple[bytes, ...]

    def channel(self, channel_id: bytes) -> Channel | None:
        return next((channel for channel in self.channels if channel.id == channel_id), None)


@dataclass(frozen=True)
class Trust:
    """Public keys (32 bytes each), and how many distinct ones must have signed; or what a root says of them."""

    keys: tuple[bytes, ...]
    threshold: int = 1
    root: Root | None = None

    def least(self, kind: int) -> int:
        return self.threshold if self.root is None else self.root.thresholds[kind - 1]

    def may_sign(self, index: int, kind: int, channel_id: bytes) -> bool:
        if self.root is None:
            return kind != ROOT
        if not self.root.roles[index] >> kind - 1 & 1:
            return False
        if kind == ROOT or not self.root.channels:
            return True
        channel = self.root.channel(channel_id)
        return channel is not None and bool(channel.keys >> index & 1)


def check_signatures(container: Container, trust: Trust) -> None:
    """Step 3."""
    count = container.header["signer_count"]
    ids = [container.data[256 + 16 * i : 272 + 16 * i] for i in range(count)]
    require(len(set(ids)) == count, "E_DUP_SIGNER")
    region = container.data[: container.header["signed_len"]]
    payload = _TRUST if container.kind == ROOT else _PACKET
    message = b"DSSEv1 %d %s %d " % (len(payload), payload, len(region)) + region
    held = {digest(b"plasma-edge key v1\0" + key)[:16]: i for i, key in enumerate(trust.keys)}
    known = [(i, held[ids[i]]) for i in range(count) if ids[i] in held]
    counted, is_out_of_role = 0, False
    for i, key in known:
        at = container.signatures_at + 64 * i
        signature = container.data[at : at + 64]
        if not any(signature):
            continue
        require(is_good(signature, message, trust.keys[key]), "E_SIG_BAD")
        may = trust.may_sign(key, container.kind, container.digests["channel_id"])
        counted += may
        is_out_of_role |= not may
    require(bool(known), "E_SIG_UNKNOWN_KEY")
    is_enough = counted >= trust.least(container.kind)
    require(is_enough, "E_SIG_ROLE" if is_out_of_role else "E_SIG_THRESHOLD")
