"""Use one kind of packet as another.

The idea: adapters are signed by a key kept online; present one where a base is expected, or a base as an adapter.
The damage: the weaker key decides what flies.
The defence: the kind is signed, and each door takes one kind only.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    yield Attempt("an adapter as a base", fleet.adapter, ["E_KIND"])
    yield Attempt("a base as an adapter", fleet.base, ["E_KIND"], is_adapter=True)
    for kind in (0, 3, 4, 5, 65535):
        packet = Forgery.of(fleet.base).assemble(fleet.release, kind=kind)
        yield Attempt(f"kind {kind}", packet, ["E_KIND"])
    # An adapter that says it is a base still names a base; a base that says it is an adapter names none.
    posing = Forgery.of(fleet.adapter).assemble(fleet.release, kind=1)
    yield Attempt("an adapter that says base", posing, ["E_BASE_FIELD"])
    posing = Forgery.of(fleet.base).assemble(fleet.release, kind=2, max_adapters=0)
    yield Attempt("a base that says adapter", posing, ["E_BASE_FIELD"], is_adapter=True)
