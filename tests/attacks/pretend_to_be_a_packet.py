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
    rewritten = {
        "nothing": b"",
        "one byte": b"\x89",
        "255 zeros": bytes(255),
        "296 zeros": bytes(296),
        "an ELF": b"\x7fELF" + base,
        "a zip": b"PK\x03\x04" + base,
        "a PDF": b"%PDF-1.7\n" + base,
        "a byte order mark": b"\xef\xbb\xbf" + base,
        "gzip": gzip.compress(base, mtime=0),
        "line ends to Unix": base.replace(b"\r\n", b"\n"),
        "line ends to DOS": base.replace(b"\n", b"\r\n"),
        "seven bits": bytes(byte & 0x7F for byte in base),
        "UTF-8": base.decode("latin-1").encode(),
        "backwards": base[::-1],
    }
    for what, data in rewritten.items():
        yield Attempt(what, data, ["E_MAGIC"])
