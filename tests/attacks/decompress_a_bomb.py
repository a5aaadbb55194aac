"""Make the decompressor work too hard, or see what it must not.

The idea: an insider stores a frame that is larger than it says, or two frames, or one that needs a huge window.
The damage: memory runs out in the middle of a flight; bytes that no digest covers are parsed.
The defence: stored digest first; one plain frame of exactly the declared size, a small window, nothing behind it.
"""

from __future__ import annotations

from collections.abc import Iterator

import zstandard

from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery

SKIPPABLE = b"\x50\x2a\x4d\x18\x04\x00\x00\x00junk"
DAMAGED = ["E_ZSTD_FRAME", "E_ZSTD_DATA", "E_RAW_DIGEST"]


def frame(raw: bytes, **parameters: object) -> bytes:
    built = zstandard.ZstdCompressionParameters.from_level(3, **parameters)
    return zstandard.ZstdCompressor(compression_params=built).compress(raw)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    raw = Forgery.of(fleet.base).part(fmt.Section.GOLD).raw
    good = frame(raw)
    stored = {
        "a bomb": frame(bytes(64 << 20)),
        "a little more": frame(raw + b"\0"),
        "a little less": frame(raw[:-1]),
        "no size": frame(raw, write_content_size=False),
        "two frames": good + good,
        "skippable first": SKIPPABLE + good,
        "skippable last": good + SKIPPABLE,
        "trailing byte": good + b"\0",
        "cut off": good[:-1],
        "not zstd": raw,
        "legacy": b"\x27\xb5\x2f\xfd" + good[4:],
        "reserved bit": good[:4] + bytes([good[4] | 0x08]) + good[5:],
    }
    for data in stored.values():
        yield Attempt(_with_gold(fleet, fmt.FLAG_ZSTD, data), ["E_ZSTD_FRAME"])
    # Damage inside the frame: it does not decompress, or not to what was promised.
    text = b"the quick brown fox jumps over the lazy dog; " * 40
    frame_of_text = frame(text)
    for at in range(8, len(frame_of_text)):
        damaged = bytearray(frame_of_text)
        damaged[at] ^= 0xFF
        yield Attempt(_with_gold(fleet, fmt.FLAG_ZSTD, bytes(damaged), text), DAMAGED)
    # The reverse: a frame that says it is plain bytes is content, and not the content that was promised.
    yield Attempt(_with_gold(fleet, 0, good), ["E_SECTION_LAYOUT"])
    # A gigabyte announced in the table is refused before anything is allocated for it.
    forgery = Forgery.of(fleet.base)
    forgery.part(fmt.Section.GOLD).fields["raw_len"] = 1 << 30
    yield Attempt(forgery.assemble(fleet.release), ["E_LIMIT"])


def _with_gold(fleet: Fleet, flags: int, stored: bytes, raw: bytes | None = None) -> bytes:
    forgery = Forgery.of(fleet.base)
    part = forgery.part(fmt.Section.GOLD)
    part.flags, part.stored = flags, stored
    part.raw = part.raw if raw is None else raw
    return forgery.assemble(fleet.release)
