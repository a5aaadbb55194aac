"""Send something that is no packet.

The idea: a tool in between rewrote the file (mail, FTP in text mode, gzip), or another format was renamed.
The damage: a parser that guesses reads nonsense as a policy.
The defence: eight magic bytes that text modes, 7-bit channels and concatenation destroy.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterator

from tests.attacks.fleet import Attempt, Fleet


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    base = fleet.base
    rewritten = (
        b"",
        b"\x89",
        bytes(296),
        b"\x7fELF" + base,
        b"PK\x03\x04" + base,
        b"\xef\xbb\xbf" + base,
        gzip.compress(base, mtime=0),
        base.replace(b"\r\n", b"\n"),
        bytes(byte & 0x7F for byte in base),
        base[::-1],
    )
    for data in rewritten:
        yield Attempt(data, ["E_MAGIC"])
