"""Use one kind of packet as another.

The idea: adapters are signed by a key kept online; present one where a base is expected, or a base as an adapter.
The damage: the weaker key decides what flies.
The defence: the kind is signed, and each door takes one kind only.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    yield Attempt(fleet.adapter, ["E_KIND"])
    yield Attempt(fleet.base, ["E_KIND"], is_adapter=True)
    for kind in (0, 3, 4, 5, 65535):
        yield Attempt(Forgery.of(fleet.base).assemble(fleet.release, kind=kind), ["E_KIND"])
    # An adapter that says it is a base still names a base; a base that says it is an adapter names none.
    yield Attempt(Forgery.of(fleet.adapter).assemble(fleet.release, kind=1), ["E_BASE_FIELD"])
    yield Attempt(
        Forgery.of(fleet.base).assemble(fleet.release, kind=2, max_adapters=0),
        ["E_BASE_FIELD"],
        is_adapter=True,
    )
