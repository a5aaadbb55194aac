"""Fetch a file by its digest, going on where a connection broke; keep it once it is what it should be."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from plasma_edge import PacketError
from plasma_edge.client._server import Server, refuse

MAX_BYTES = 64 << 20


async def fetch(server: Server, digest: str, part: Path) -> bytes:
    """The bytes whose SHA-256 is `digest`. What has arrived stays in `part`, for the next attempt or process.

    Raises PacketError when the server sent other bytes; they are thrown away.
    """

    async def attempt() -> None:
        had = part.stat().st_size if part.exists() else 0
        ask = {"Range": f"bytes={had}-", "If-Range": f'"{digest}"'} if had else {}
        async with server.http.stream("GET", f"/packets/{digest}/file", headers=ask) as response:
            if response.status_code == 416:  # all of it is here
                return
            if response.status_code >= 400:
                await response.aread()
                refuse(response)
            with part.open("ab" if response.status_code == 206 else "wb") as file:
                async for chunk in response.aiter_raw():
                    if file.tell() + len(chunk) > MAX_BYTES:
                        raise _other(part, f"more than {MAX_BYTES} bytes")
                    file.write(chunk)
                    file.flush()

    await server.persistently(attempt)
    data = part.read_bytes()
    if (found := hashlib.sha256(data).hexdigest()) != digest:
        raise _other(part, f"{len(data)} bytes with digest {found}")
    return data


def keep(part: Path, path: Path) -> None:
    """Move a finished, verified download to its name: whole or not at all, also after a power cut."""
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(path)
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


def _other(part: Path, found: str) -> PacketError:
    part.unlink()
    error = PacketError(
        f"E_TRANSPORT: found {found}, expected the packet asked for; fetch it again"
    )
    error.code = "E_TRANSPORT"
    return error
