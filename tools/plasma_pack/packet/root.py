# SPDX-License-Identifier: Apache-2.0
"""Trust roots: who may sign what, for which channels, and what is revoked (FORMAT.md, section 8).

>>> root = TrustRoot.first().with_key("alice", alice, "root", "base").with_key("bob", bob, "adapter")
>>> data = root.with_channel("arm", ["alice", "bob"]).sign([alice_private])
>>> TrustRoot.after(verify_root(data)).without_key("bob").sign([alice_private])

A root is changed by making the next version of it. Keys and channels have names here; only a name that is
unique can be addressed.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import PublicKey, RootChannel, RootInfo, RootKey
from plasma_pack.errors import RootError
from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import Draft, write_packet

ROLES = ("base", "adapter", "root")
_MAX_KEYS, _MAX_CHANNELS, _MAX_REVOKED = 16, 64, 256
_KEY_NAME_BYTES, _CHANNEL_NAME_BYTES = 30, 44
_NO_CERTIFICATE = fmt.Certificate(0, 0, 0, 0, 0)


@dataclass(frozen=True)
class TrustRoot:
    """One version of a root, before anyone signs it. Times are Unix seconds, 0 = none; `previous` is the
    version before, which this one must satisfy as well.
    """

    version: int = 1
    issued_at: int = 0
    expires: int = 0
    keys: tuple[RootKey, ...] = ()
    thresholds: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(ROLES, 1))
    channels: tuple[RootChannel, ...] = ()
    revoked: tuple[bytes, ...] = ()
    previous: RootInfo | None = None

    @classmethod
    def first(cls, *, issued_at: int = 0, expires: int = 0) -> TrustRoot:
        """Version 1, which trusts nobody yet."""
        return cls(issued_at=issued_at, expires=expires)

    @classmethod
    def after(cls, root: RootInfo, *, issued_at: int = 0, expires: int = 0) -> TrustRoot:
        """The version that follows a root, saying the same; `expires` 0 keeps what it said."""
        return cls(
            root.version + 1,
            issued_at,
            expires or root.expires,
            root.keys,
            root.thresholds,
            root.channels,
            root.revoked,
            previous=root,
        )

    # ---- changes, each a new root

    def with_key(self, name: str, key: PublicKey, *roles: str) -> TrustRoot:
        """Trust another key; the roles of a key that is there already become more."""
        _check_name("key", name, _KEY_NAME_BYTES)
        known = next((known for known in self.keys if known.raw == key.raw), None)
        if known is not None:
            more = replace(known, roles=_roles([*known.roles, *roles]))
            return replace(self, keys=tuple(more if k is known else k for k in self.keys))
        if name in (known.name for known in self.keys):
            raise RootError(f"a key named {name!r} is there already; give the new one another name")
        return replace(self, keys=(*self.keys, RootKey(name, key.raw, _roles(roles))))

    def without_key(self, name: str) -> TrustRoot:
        """Trust a key no more: what it alone signed is refused from now on."""
        gone = self._index_of(name)
        channels = tuple(
            replace(channel, keys=tuple(i - (i > gone) for i in channel.keys if i != gone))
            for channel in self.channels
        )
        return replace(self, keys=self.keys[:gone] + self.keys[gone + 1 :], channels=channels)

    def with_successor(self, name: str, new_name: str, key: PublicKey) -> TrustRoot:
        """Put a new key in an old one's place: the same roles, the same channels."""
        index = self._index_of(name)
        if key.raw in (known.raw for known in self.keys):
            raise RootError(f"the key {new_name!r} is in this root already")
        if new_name != name and new_name in (known.name for known in self.keys):
            raise RootError(f"a key named {new_name!r} is there already; choose another name")
        _check_name("key", new_name, _KEY_NAME_BYTES)
        keys = list(self.keys)
        keys[index] = RootKey(new_name, key.raw, keys[index].roles)
        return replace(self, keys=tuple(keys))

    def with_channel(
        self,
        name: str,
        keys: Sequence[str] | None = None,
        *,
        sequence_floor: int | None = None,
        rollback_floor: int | None = None,
        reset: bool = False,
    ) -> TrustRoot:
        """Add or change a channel. `keys`: names of those that may sign in it, None keeps them (of a new
        channel: all). reset: devices forget what they confirmed in it under older roots.
        """
        _check_name("channel", name, _CHANNEL_NAME_BYTES)
        everyone = tuple(range(len(self.keys)))
        old = next(
            (c for c in self.channels if c.name == name), RootChannel(name, everyone, 0, 0, 0)
        )
        changed = RootChannel(
            name,
            old.keys if keys is None else tuple(sorted({self._index_of(key) for key in keys})),
            old.sequence_floor if sequence_floor is None else sequence_floor,
            old.rollback_floor if rollback_floor is None else rollback_floor,
            self.version if reset else old.reset,
        )
        others = [channel for channel in self.channels if channel.name != name]
        return replace(self, channels=tuple(sorted([*others, changed], key=lambda c: c.name)))

    def with_revoked(self, content_digests: Iterable[bytes]) -> TrustRoot:
        """Refuse these contents for ever, to run as well as to install."""
        return replace(self, revoked=tuple(sorted({*self.revoked, *content_digests})))

    def with_thresholds(self, **thresholds: int) -> TrustRoot:
        """How many distinct keys must sign a base, an adapter, a root."""
        return replace(self, thresholds={**self.thresholds, **thresholds})

    # ---- bytes

    @property
    def signers(self) -> tuple[RootKey, ...]:
        """Whose signatures count: the root keys of this version and of the one before."""
        before = self.previous.keys if self.previous else ()
        own = [key for key in self.keys if "root" in key.roles]
        known = {key.raw for key in own}
        return (*own, *(key for key in before if "root" in key.roles and key.raw not in known))

    def sign(self, keys: Sequence[Ed25519PrivateKey] = ()) -> bytes:
        """root.plasma, signed by these keys, with places for those that sign later (cosign, attach).

        Raises RootError when devices would refuse it, or when nobody could make the version after it.
        """
        self._check()
        signers = self.signers
        if len(signers) > fmt.MAX_SIGNERS:
            raise RootError(
                f"found {len(signers)} root keys in this version and the one before, expected at most "
                f"{fmt.MAX_SIGNERS}; replace them in several versions"
            )
        now = {public_bytes(key) for key in keys}
        strangers = now - {key.raw for key in signers}
        if strangers:
            found = ", ".join(fmt.signer_id(raw).hex() for raw in sorted(strangers))
            raise RootError(
                f"key {found} is not a root key of this version or the one before; sign with one of: "
                f"{', '.join(key.name for key in signers)}"
            )
        later = [key.raw for key in signers if key.raw not in now]
        return write_packet(self._draft(), keys, later, is_compressed=False)

    def _draft(self) -> Draft:
        return Draft(
            fmt.Kind.TRUST_ROOT,
            {fmt.Section.TRUST: self._section()},
            _NO_CERTIFICATE,
            base_digest=self.previous.content_digest if self.previous else bytes(32),
            sequence=self.version,
            not_before=self.issued_at,
            not_after=self.expires,
            min_runtime=0,
        )

    def _section(self) -> bytes:
        counts = (len(self.keys), len(self.channels), len(self.revoked))
        parts = [struct.pack("<BBH3B9x", *counts, *(self.thresholds[role] for role in ROLES))]
        for key in self.keys:
            roles = sum(1 << ROLES.index(role) for role in key.roles)
            parts.append(struct.pack("<32sBx30s", key.raw, roles, key.name.encode()))
        for channel in self.channels:
            mask = sum(1 << index for index in channel.keys)
            floors = (channel.sequence_floor, channel.rollback_floor, channel.reset)
            parts.append(struct.pack("<QIIHxx44s", *floors, mask, channel.name.encode()))
        return b"".join([*parts, *self.revoked])

    def _index_of(self, name: str) -> int:
        found = [i for i, key in enumerate(self.keys) if key.name == name]
        if len(found) != 1:
            names = ", ".join(key.name for key in self.keys) or "none"
            raise RootError(f"found {len(found)} keys named {name!r}, expected one of: {names}")
        return found[0]

    def _check(self) -> None:
        for what, rows, most in (
            ("keys", self.keys, _MAX_KEYS),
            ("channels", self.channels, _MAX_CHANNELS),
            ("revocations", self.revoked, _MAX_REVOKED),
        ):
            if len(rows) > most:
                raise RootError(f"found {len(rows)} {what}, expected at most {most}")
        for role in ROLES:
            count = sum(role in key.roles for key in self.keys)
            most = count if role == "root" else max(count, 1)
            if not 1 <= self.thresholds[role] <= most:
                raise RootError(
                    f"the threshold for {role} is {self.thresholds[role]}, and {count} keys have that role; "
                    f"expected 1 to {most}: devices would believe nobody"
                )
        if self.expires and self.expires <= self.issued_at:
            raise RootError(
                f"it expires at {self.expires}, before it is issued at {self.issued_at}"
            )


def _roles(roles: Iterable[str]) -> tuple[str, ...]:
    found = set(roles)
    if not found or not found <= set(ROLES):
        raise RootError(f"found the roles {sorted(found)}, expected some of {', '.join(ROLES)}")
    return tuple(role for role in ROLES if role in found)


def _check_name(what: str, name: str, most: int) -> None:
    if not (1 <= len(name) <= most and name.isascii() and name.isprintable()):
        raise RootError(
            f"the name of a {what} is {name!r}, expected 1 to {most} printable ASCII characters"
        )
