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
    strict = {"require_audit": "verified"}
    upgraded = Forgery.of(fleet.base).assemble(fleet.release, audit_verdict=2)
    yield Attempt("verified", upgraded, ["E_AUDIT_FORMAT"], load=strict)
    without = Forgery.of(fleet.base)
    without.parts = [part for part in without.parts if part.type != fmt.Section.AUDIT]
    invented = without.assemble(fleet.release, audit_verdict=2)
    yield Attempt("verified, without findings", invented, ["E_AUDIT_FORMAT"])
    quiet = Forgery.of(fleet.base).assemble(fleet.release, audit_verdict=0)
    yield Attempt("none, with findings", quiet, ["E_AUDIT_FORMAT"])
    short = Forgery.of(fleet.base)
    short.replace_raw(fmt.Section.AUDIT, b"\x02\0\0")
    cut = short.assemble(fleet.release, audit_verdict=2)
    yield Attempt("three bytes of findings", cut, ["E_AUDIT_FORMAT"])
