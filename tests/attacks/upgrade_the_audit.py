"""Say in the header that the audit passed.

The idea: an insider who may sign changes one number, not the findings.
The damage: devices that fly only verified policies fly this one.
The defence: the verdict stands twice, in the header and before the findings, and must be the same.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    yield Attempt(
        Forgery.of(fleet.base).assemble(fleet.release, audit_verdict=2),
        ["E_AUDIT_FORMAT"],
        load={"require_audit": "verified"},
    )
    without = Forgery.of(fleet.base)
    without.parts = [part for part in without.parts if part.type != fmt.Section.AUDIT]
    yield Attempt(without.assemble(fleet.release, audit_verdict=2), ["E_AUDIT_FORMAT"])
    quiet = Forgery.of(fleet.base).assemble(fleet.release, audit_verdict=0)
    yield Attempt(quiet, ["E_AUDIT_FORMAT"])
    shouting = Forgery.of(fleet.base).assemble(fleet.release, audit_verdict=3)
    yield Attempt(shouting, ["E_LIMIT"])
