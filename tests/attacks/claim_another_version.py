"""Call the packet one of another version.

The idea: a reader that is kind to what it does not know skips the checks it does not know either.
The damage: fields with a meaning this runtime has never heard of, ignored.
The defence: one version, one length of header; a higher one is refused and not guessed at.
"""

from __future__ import annotations

from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    forgery = Forgery.of(fleet.base)
    for name, values in (("format_major", (0, 2, 256, 65_535)), ("format_minor", (1, 256, 65_535))):
        for value in values:
            packet = forgery.assemble(fleet.release, **{name: value})
            yield Attempt(f"{name} {value}", packet, ["E_VERSION"])
    for value in (0, 255, 257, 512, 65_535):
        packet = forgery.assemble(fleet.release, header_len=value)
        yield Attempt(f"header_len {value}", packet, ["E_LIMIT"])
