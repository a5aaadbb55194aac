# SPDX-License-Identifier: Apache-2.0
"""GET /packets, one packet and its file; POST /packets for a staged one that comes back signed."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Body, Header, Path, Query, Response

from plasma_trainer.server import models
from plasma_trainer.server.access import Access
from plasma_trainer.server.problems import RESPONSES, ProblemError
from plasma_trainer.server.registry import Entry, Registry

MEDIA = "application/octet-stream"
_RANGE = re.compile(r"bytes=(\d{0,12})-(\d{0,12})", re.ASCII)
PacketDigest = Annotated[str, Path(pattern=models.DIGEST)]
FILE: dict[int | str, dict[str, Any]] = {
    200: {"content": {MEDIA: {}}, "description": "The file"},
    206: {"content": {MEDIA: {}}, "description": "The range of it that was asked for"},
    304: {"description": "It is what If-None-Match names"},
    416: {"model": models.Problem, "description": "The range is not in the file"},
}


def routes(access: Access, packets: Registry) -> APIRouter:
    """The routes about packets."""
    router = APIRouter(responses=RESPONSES, tags=["packets"])
    read, publish = access.may("read"), access.may("publish")

    def existing(digest: str) -> Entry:
        try:
            return packets.get(digest)
        except KeyError:
            raise ProblemError(404, f"no packet has the digest {digest}") from None

    @router.get("/packets", dependencies=[read])
    async def list_packets(
        content_digest: Annotated[str | None, Query(pattern=models.DIGEST)] = None,
        channel: Annotated[str | None, Query(max_length=64)] = None,
    ) -> models.PacketList:
        """The newest packets."""
        found = packets.newest(content_digest=content_digest, channel=channel)
        return models.PacketList(packets=[view(entry, packets) for entry in found])

    @router.post("/packets", status_code=201, dependencies=[publish])
    def bring(data: Annotated[bytes, Body(media_type=MEDIA)]) -> models.PacketView:
        """A packet that was staged here, with the signatures that `plasma-pack attach` put into it."""
        return view(packets.bring(data), packets)

    @router.get("/packets/{digest}", dependencies=[read])
    async def get_packet(digest: PacketDigest) -> models.PacketView:
        """What the registry knows of a packet. A device believes its own verification instead."""
        return view(existing(digest), packets)

    @router.get(
        "/packets/{digest}/file", dependencies=[read], responses=FILE, response_class=Response
    )
    def get_file(
        digest: PacketDigest,
        range_: Annotated[str | None, Header(alias="Range")] = None,
        if_range: Annotated[str | None, Header(alias="If-Range")] = None,
        if_none_match: Annotated[str | None, Header(alias="If-None-Match")] = None,
    ) -> Response:
        """The file, or a range of it: what has a digest never changes."""
        entry, etag = existing(digest), f'"{digest}"'
        headers = {
            "ETag": etag,
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, max-age=31536000, immutable",
        }
        if if_none_match is not None and if_none_match.strip() in (etag, "*"):
            return Response(status_code=304, headers=headers)
        data = packets.data(digest)
        wanted = _RANGE.fullmatch(range_ or "")
        if wanted is None or not any(wanted.groups()) or if_range not in (None, etag):
            return Response(data, media_type=MEDIA, headers=headers)
        first, last = _bounds(wanted[1], wanted[2], entry.bytes)
        headers["Content-Range"] = f"bytes {first}-{last}/{entry.bytes}"
        return Response(data[first : last + 1], 206, headers, MEDIA)

    return router


def view(entry: Entry, packets: Registry) -> models.PacketView:
    """A packet with its lineage: the base it is for, or the adapters that are for it."""
    about = entry.description
    return models.PacketView(
        digest=entry.digest,
        content_digest=entry.content_digest,
        base_digest=about["base_digest"],
        kind=about["kind"],
        name=about["manifest"].get("name", ""),
        channel=entry.channel,
        sequence=about["release"]["sequence"],
        audit=about["audit"],
        certificate=about["certificate"],
        signers=about["signers"],
        is_signed=entry.is_signed,
        bytes=entry.bytes,
        run=entry.run,
        adapters=packets.adapters_of(entry.content_digest),
        created=entry.created,
    )


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """First and last byte of `first-last`, `first-` or `-count`. Answers 416 when the file has none of them."""
    if first:
        low, high = int(first), min(int(last), size - 1) if last else size - 1
    else:
        low, high = max(0, size - int(last)), size - 1
    if low > high:
        raise ProblemError(416, f"the file has {size} bytes", {"Content-Range": f"bytes */{size}"})
    return low, high
