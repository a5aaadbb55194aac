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


def by_hand(
    raw: bytes, descriptor: int, fields: bytes, *, is_last: bool = True, kind: int = 0
) -> bytes:
    """A frame of one block that is not compressed, with any header."""
    block = (len(raw) << 3 | kind << 1 | is_last).to_bytes(3, "little") + raw
    return b"\x28\xb5\x2f\xfd" + bytes([descriptor]) + fields + block


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    raw = Forgery.of(fleet.base).part(fmt.Section.GOLD).raw
    size = len(raw).to_bytes(4, "little")
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
        "unused bit": good[:4] + bytes([good[4] | 0x10]) + good[5:],
        "a dictionary": by_hand(raw, 0xA1, b"\x07" + size),
        "dictionary 0": by_hand(raw, 0xA1, b"\x00" + size),
        "a window of 1 MiB and one step": by_hand(raw, 0x80, bytes([10 << 3 | 1]) + size),
        "a window of 2 GiB": by_hand(raw, 0x80, bytes([21 << 3]) + size),
        "a window of 3.75 TiB": by_hand(raw, 0x80, b"\xff" + size),
        "a size of 2^64 - 1": by_hand(raw, 0xE0, b"\xff" * 8),
        "no last block": by_hand(raw, 0xA0, size, is_last=False),
        "a block of an unknown kind": by_hand(raw, 0xA0, size, kind=3),
        "empty": b"\x28\xb5\x2f\xfd",
    }
    for what, data in stored.items():
        yield Attempt(what, _with_gold(fleet, fmt.FLAG_ZSTD, data), ["E_ZSTD_FRAME"])
    # Damage inside the frame: it does not decompress, or not to what was promised.
    text = b"the quick brown fox jumps over the lazy dog; " * 40
    frame_of_text = frame(text)
    for at in range(8, len(frame_of_text)):
        damaged = bytearray(frame_of_text)
        damaged[at] ^= 0xFF
        packet = _with_gold(fleet, fmt.FLAG_ZSTD, bytes(damaged), text)
        yield Attempt(f"byte {at} of a frame", packet, DAMAGED)
    # A frame that tells the truth about its size, 32,000 times its own, which is more than the section may have.
    bomb = _with_gold(fleet, fmt.FLAG_ZSTD, frame(bytes(64 << 20)), bytes(64 << 20))
    yield Attempt("an honest bomb", bomb, ["E_LIMIT"])
    # The reverse: a frame that says it is plain bytes is content, and not the content that was promised.
    yield Attempt("a plain frame", _with_gold(fleet, 0, good), ["E_SECTION_LAYOUT"])
    # A gigabyte announced in the table is refused before anything is allocated for it.
    forgery = Forgery.of(fleet.base)
    forgery.part(fmt.Section.GOLD).fields["raw_len"] = 1 << 30
    yield Attempt("a gigabyte", forgery.assemble(fleet.release), ["E_LIMIT"])


def _with_gold(fleet: Fleet, flags: int, stored: bytes, raw: bytes | None = None) -> bytes:
    forgery = Forgery.of(fleet.base)
    part = forgery.part(fmt.Section.GOLD)
    part.flags, part.stored = flags, stored
    part.raw = part.raw if raw is None else raw
    return forgery.assemble(fleet.release)
