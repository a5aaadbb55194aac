# SPDX-License-Identifier: Apache-2.0
"""Packets by the SHA-256 of their file: what has a digest never changes, so any part of it may be fetched at any time.

A signature attached elsewhere makes another file with the same content digest. The file is there before its row is,
so a row never lies.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from typing import Any

import plasma_edge
from plasma_pack import open_packet
from plasma_pack.inspection import describe
from plasma_trainer.errors import UsageError
from plasma_trainer.server.blobs import Blobs
from plasma_trainer.server.settings import Settings
from plasma_trainer.server.store import Row, Store, where

MAX_LISTED = 200


@dataclass(frozen=True)
class Entry:
    """One packet of the registry."""

    digest: str
    content_digest: str
    kind: str
    channel: str | None
    is_signed: bool
    bytes: int
    run: str | None
    description: dict[str, Any]
    created: float

    @classmethod
    def of(cls, row: Row) -> Entry:
        values = {name: row[name] for name in cls.__dataclass_fields__}
        values["description"] = json.loads(row["description"])
        values["is_signed"] = bool(row["is_signed"])
        return cls(**values)


class Registry:
    """The files in `settings.packets`, and a row for each. All that needs files raises BlobsError."""

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self._settings = store, settings
        self._blobs = Blobs(settings.packets)

    def add(self, data: bytes, *, channel: str | None = None, run: str | None = None) -> Entry:
        """Keep a packet that this server made. The same bytes are kept once."""
        description = describe(open_packet(data))
        digest = self._blobs.put(data)
        is_signed = all(signer["signature"] == "present" for signer in description["signers"])
        with self._store.write() as db:
            db.execute(
                "INSERT INTO packets VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                (
                    digest,
                    description["content_digest"],
                    description["base_digest"],
                    description["kind"],
                    channel,
                    int(is_signed),
                    len(data),
                    run,
                    json.dumps(description),
                    time.time(),
                ),
            )
        return self.get(digest)

    def bring(self, data: bytes) -> Entry:
        """Keep a staged packet that came back with its signatures. Raises PlasmaError when these are not the
        signers', and UsageError when the packet is not one that was staged here.
        """
        if not self._settings.signers:
            raise UsageError(
                "this server was started without --signer, so it knows nobody's signature"
            )
        opened = open_packet(data)
        staged = [
            entry
            for entry in self.newest(content_digest=opened.header.content_digest.hex())
            if self._is_staged(entry, data, opened.header.signed_len)
        ]
        if not staged:
            raise UsageError("this packet was not staged here; compile its run first")
        trust = plasma_edge.TrustStore.from_files(*self._settings.signers)
        plasma_edge.verify(data, trust=trust, base=self._base(opened.header.base_digest))
        return self.add(data, channel=staged[0].channel, run=staged[0].run)

    def get(self, digest: str) -> Entry:
        """Raises KeyError when there is none."""
        rows = self._store.read("SELECT * FROM packets WHERE digest = ?", digest)
        if not rows:
            raise KeyError(digest)
        return Entry.of(rows[0])

    def newest(
        self,
        *,
        content_digest: str | None = None,
        channel: str | None = None,
        run: str | None = None,
    ) -> list[Entry]:
        """Newest first."""
        condition, values = where(content_digest=content_digest, channel=channel, run=run)
        rows = self._store.read(
            f"SELECT * FROM packets WHERE {condition} ORDER BY created DESC LIMIT ?",
            *(*values, MAX_LISTED),
        )
        return [Entry.of(row) for row in rows]

    def adapters_of(self, content_digest: str) -> list[str]:
        """Digests of the files that adapt this content, newest first."""
        rows = self._store.read(
            "SELECT digest FROM packets WHERE base_digest = ? ORDER BY created DESC LIMIT ?",
            *(content_digest, MAX_LISTED),
        )
        return [row["digest"] for row in rows]

    def count(self) -> int:
        return int(self._store.read("SELECT count(*) AS n FROM packets")[0]["n"])

    def data(self, digest: str) -> bytes:
        """The file. Raises KeyError when there is none."""
        return self._blobs.get(self.get(digest).digest)

    def _is_staged(self, entry: Entry, data: bytes, signed_len: int) -> bool:
        return self.data(entry.digest)[:signed_len] == data[:signed_len]

    def _base(self, content_digest: bytes) -> bytes | None:
        if not any(content_digest):
            return None
        bases = self.newest(content_digest=content_digest.hex())
        return self.data(bases[0].digest) if bases else None
