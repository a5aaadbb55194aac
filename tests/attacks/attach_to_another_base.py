"""Attach a genuine adapter to a base it was not made for.

The idea: both are signed; mix and match.
The damage: corrections for one set of weights added to another: unpredictable motion, well signed.
The defence: an adapter names the content digest of its base, and the runtime compares it with what is loaded.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from plasma_pack.packet.writer import write_packet
from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    digests = {
        "of another base": bytes(31) + b"\x01",
        "of an adapter": fleet.adapter_draft.content_digest,
        "reversed": fleet.base_draft.content_digest[::-1],
    }
    for what, digest in digests.items():
        foreign = write_packet(replace(fleet.adapter_draft, base_digest=digest), [fleet.release])
        yield Attempt(what, foreign, ["E_BASE_MISMATCH"], is_adapter=True)
    nameless = write_packet(replace(fleet.adapter_draft, base_digest=bytes(32)), [fleet.release])
    yield Attempt("of nothing", nameless, ["E_BASE_FIELD"], is_adapter=True)
    based = write_packet(replace(fleet.base_draft, base_digest=b"\x01" * 32), [fleet.release])
    yield Attempt("a base on a base", based, ["E_BASE_FIELD"])
