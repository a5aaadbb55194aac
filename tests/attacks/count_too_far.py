"""Announce more of something than there can be.

The idea: counts are multiplied and added; large ones wrap around and come out small.
The damage: tables read outside the file, or memory for four billion sections.
The defence: every count has a small bound that is checked before it is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet, Forgery

OUTSIDE = {
    "section_count": (0, 17, 2**16, 2**31, 2**32 - 1),
    "manifest_len": (16_385, 2**31, 2**32 - 1),
    "signer_count": (0, 9, 2**16, 2**28, 2**32 - 1),
    "audit_verdict": (3, 2**32 - 1),
    "max_adapters": (17, 2**32 - 1),
    "opset": (0,),
}


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    forgery = Forgery.of(fleet.base)
    for name, values in OUTSIDE.items():
        for value in values:
            packet = forgery.assemble(fleet.release, **{name: value})
            yield Attempt(f"{name} {value}", packet, ["E_LIMIT"])
    greedy = Forgery.of(fleet.adapter).assemble(fleet.release, max_adapters=1)
    yield Attempt("an adapter that takes adapters", greedy, ["E_LIMIT"], is_adapter=True)
