"""Need what this device does not have.

The idea: a packet of next year's runtime, or one for a larger machine, on this year's robot.
The damage: a program that means something else here; memory or time that is not there in flight.
The defence: the packet says what it needs, under its signature, and one step too much is refused.
"""

from __future__ import annotations

from collections.abc import Iterator

import plasma_edge as pe
from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    major, minor, patch = (int(part) for part in pe.__version__.split("."))
    ours = major << 20 | minor << 10 | patch
    forgery = Forgery.of(fleet.base)
    for runtime in (ours + 1, ours + (1 << 10), ours + (1 << 20), 2**32 - 1):
        packet = forgery.assemble(fleet.release, min_runtime=runtime)
        yield Attempt(f"min_runtime {runtime}", packet, ["E_RUNTIME_TOO_OLD"])
    for opset in (2, 2**32 - 1):
        packet = forgery.assemble(fleet.release, opset=opset)
        yield Attempt(f"opset {opset}", packet, ["E_OPSET"])
    needs = fleet.base_draft.certificate
    for memory in (0, needs.arena_bytes - 1):
        limit = {"max_memory_bytes": memory}
        yield Attempt(f"{memory} bytes", fleet.base, ["E_MEMORY_CAP"], load=limit)
    for name in ("arena_bytes", "state_bytes", "const_bytes"):
        for value in ((64 << 20) + 1, 2**32 - 1):
            packet = forgery.assemble(fleet.release, **{name: value})
            yield Attempt(f"{name} {value}", packet, ["E_MEMORY_CAP"])
    for budget in (1, needs.cost_units - 1):
        limit = {"max_cost_units": budget}
        yield Attempt(f"{budget} units", fleet.base, ["E_DEADLINE"], load=limit)
    yield Attempt("a better audit", fleet.base, ["E_AUDIT"], load={"require_audit": "verified"})
