# SPDX-License-Identifier: Apache-2.0
"""From an exported packet to a release: the same content and proofs, with places for the signatures that count.

What is released is decided by the request (name, channel, sequence), who signs by how the server was started. With a
key the server signs itself; without one the packet waits for `plasma-pack prepare` and `attach` elsewhere.
"""

from __future__ import annotations

from plasma_pack import OpenPacket
from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import load_keys
from plasma_pack.packet.release import Release
from plasma_pack.packet.writer import Draft
from plasma_trainer.errors import UsageError
from plasma_trainer.server.settings import Settings


def release(
    opened: OpenPacket, settings: Settings, name: str, channel: str | None, sequence: int
) -> bytes:
    """The packet to publish. Raises UsageError when the server knows no signer."""
    if settings.key is None and not settings.signers:
        raise UsageError(
            "this server knows nobody who could sign; start it with --signer release.pub, or with --key"
        )
    decided = Release(name=name, channel=channel, sequence=sequence, signers=list(settings.signers))
    return decided.sign(_draft(opened), load_keys([] if settings.key is None else settings.key))


def _draft(opened: OpenPacket) -> Draft:
    header = opened.header
    return Draft(
        kind=fmt.Kind(header.kind),
        sections=opened.sections,
        certificate=header.certificate,
        manifest=opened.manifest,
        base_digest=header.base_digest,
        max_adapters=header.max_adapters,
    )
