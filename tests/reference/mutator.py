"""Makes hostile packets without end: bytes broken as they lie, or one field wrong and everything else mended.

Most mutants are signed by a trusted key and have true digests and a true certificate, so that they get as far as the
fault that was put in. The same seed makes the same packets.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

import zstandard
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from tests.reference.certificate import certify, certify_adapter
from tests.reference.container import FIELDS, HEADER, Refusal
from tests.reference.devices import CHANNELS, RELEASES
from tests.reference.parts import TYPES, Parts, Section, key_id, seal
from tests.reference.scramble import Scramble
from tests.reference.sections import (
    CONST_F16,
    CONST_F32,
    CONST_I8,
    CONST_I32,
    GOLD,
    IO,
    LORA,
    LORA_CONST,
    PROG,
    SAFE,
    SLOTS,
    TENS,
)
from tests.reference.tables import parse_patches
from tests.reference.verdict import validate

# Of one record: the width of every field, f for a float.
_LAYOUTS = {
    PROG: "HHBBH" + "H" * 12 + "f" * 8,
    TENS: "BBBBIIIIIHHHH",
    IO: "QQQQBBBBIIIIIHHQQffIII",
    SLOTS: "HHIII",
    SAFE: "HHI",
    LORA: "HHfIIIIII",
}
_WIDTHS = {"B": 1, "H": 2, "I": 4, "Q": 8, "f": 4}
_CONSTANTS = (CONST_I8, CONST_F16, CONST_F32, CONST_I32, LORA_CONST)
_NUMBERS = "0 -0 1 -1 0.5 2 3 16 4096 4097 1e-12 9.99e-13 1e38 inf -inf nan"
_POWERS = (2**-41, 2**-40, 2**24, 2**24 + 2, 2**28, 2**40, 2**41)
_FLOATS = [*map(float, _NUMBERS.split()), *_POWERS]


@dataclass(frozen=True)
class Seed:
    """A good packet to begin with; of an adapter, with its base."""

    packet: bytes
    base: bytes | None = None


class Mutator:
    """Endless mutants of `seeds`, signed by `key` or by a stranger."""

    def __init__(
        self, number: int, seeds: list[Seed], key: Ed25519PrivateKey, stranger: Ed25519PrivateKey
    ) -> None:
        self.random = Random(number)
        self.scramble = Scramble(self.random)
        self.seeds = seeds
        self.key = key
        self.stranger = stranger

    def make(self) -> Seed:
        """One mutant, and the base it belongs to."""
        seed = self.random.choice(self.seeds)
        is_blind = self.random.random() < 0.25
        return Seed(self._break(seed.packet) if is_blind else self._forge(seed), seed.base)

    @property
    def faults(self) -> tuple[Callable[[Parts], None], ...]:
        """What can be wrong; what stands here more often happens more often."""
        return (
            self._header_field,
            self._record_field,
            self._sections,
            self._frame,
            self._signers,
            self._padding,
            self._answer,
            *(self._release,) * 2,
            *(self._table_field,) * 10,
            *(self._table_rows, self._content, self._constant) * 2,
        )

    def begin(self, seed: Seed) -> Parts:
        """A good packet, half of the time without golden cases, in which most changes of a program would end."""
        parts = Parts.of(seed.packet, self.key)
        gold = parts.find(GOLD)
        if gold is not None and self.random.random() < 0.5:
            parts.sections.remove(gold)
        return parts

    # ---- bytes as they lie

    def _break(self, packet: bytes) -> bytes:
        for _ in range(self.random.choice((1, 1, 1, 2, 3))):
            packet = self.random.choice(self.scramble.ways)(packet)
        if self.random.random() < 0.5 and len(packet) > 40:
            packet = seal(packet[:-40])
        return packet

    # ---- one field wrong, the rest mended

    def _forge(self, seed: Seed) -> bytes:
        parts = self.begin(seed)
        for _ in range(self.random.choice((0, 1, 1, 1, 1, 2))):
            if parts.sections:  # the last fault may have taken the only one
                self.random.choice(self.faults)(parts)
        if self.random.random() < 0.8:
            self._mend_certificate(parts, seed)
        try:
            return parts.assemble()
        except struct.error:  # a number too large for its field: then it is no mutant
            return seed.packet

    def _mend_certificate(self, parts: Parts, seed: Seed) -> None:
        try:
            if seed.base is None:
                parts.header |= certify(validate(parts.contents()))
            else:
                contents, base = parts.contents(), validate(Parts.of(seed.base).contents())
                patches = parse_patches(contents[LORA])
                parts.header |= certify_adapter(base, patches, contents[LORA_CONST])
        except (Refusal, KeyError, IndexError):
            return  # it will be refused for something else

    def _header_field(self, parts: Parts) -> None:
        name = self.random.choice(FIELDS)
        value = parts.header[name]
        if isinstance(value, bytes):
            parts.lies[name] = self.random.choice((bytes(len(value)), self.scramble.flip(value)))
            return
        width = _WIDTHS[_CODES[name]]
        parts.lies[name] = self.scramble.word(value, width)

    def _record_field(self, parts: Parts) -> None:
        section = self.random.choice(parts.sections)
        name = self.random.choice(
            ("type", "flags", "offset", "stored_len", "raw_len", "stored_digest", "raw_digest")
        )
        if name.endswith("digest"):
            section.lies[name] = self.random.choice((bytes(32), self.random.randbytes(32)))
            return
        value = {"type": section.type, "flags": section.flags, "offset": 512}.get(
            name, len(section.stored)
        )
        section.lies[name] = self.scramble.word(value, 4 if name in ("type", "flags") else 8)

    def _sections(self, parts: Parts) -> None:
        place = self.random.randrange(len(parts.sections))
        section = parts.sections[place]
        action = self.random.randrange(5)
        if action == 0:
            del parts.sections[place]
        elif action == 1:
            parts.sections.insert(place, section)
        elif action == 2:
            self.random.shuffle(parts.sections)
        elif action == 3:
            section.type = self.random.choice((*range(20), 32, 255, 256, 257, 2**32 - 1))
        else:
            kind = self.random.choice((256, 300, 2**32 - 1, 9, 13, 32))
            parts.sections.append(Section(kind, self.random.choice((0, 1, 2, 3, 4)), b"x", b"x"))

    def _frame(self, parts: Parts) -> None:
        section = self.random.choice(parts.sections)
        frame = zstandard.ZstdCompressor(
            level=self.random.choice((1, 3)),
            write_content_size=self.random.random() < 0.9,
            write_checksum=self.random.random() < 0.3,
        ).compress(section.raw)
        section.flags |= 1
        skippable = b"\x50\x2a\x4d\x18\x01\0\0\0j"
        section.stored = self.random.choice(
            (
                frame,
                frame,
                self.scramble.flip(frame),
                self.scramble.set(frame),
                frame[:-1],
                frame + b"\0",
                frame * 2,
            )
            + (skippable + frame, frame + skippable, section.raw)
        )

    def _signers(self, parts: Parts) -> None:
        other, key = self.stranger, key_id(self.key)
        genuine = parts.signers
        parts.signers = self.random.choice(
            (
                [other],
                [self.key, other],
                [other, self.key],
                [self.key, self.key],
                [self.key, (key_id(other), bytes(64))],
                [self.key, (key_id(other), self.random.randbytes(64))],
                [(key, bytes(64))],
                [(key, self.random.randbytes(64))],
                [(key, b"\x01" + bytes(63))],
                [(self.random.randbytes(16), bytes(64)), *genuine],
                [(self.random.randbytes(16), bytes(64)) for _ in range(9)],
                [],
            )
        )
        parts.payload = self.random.choice((TYPES[0], TYPES[0], TYPES[0], TYPES[1]))

    def _padding(self, parts: Parts) -> None:
        parts.pad = b"\x01"

    def _release(self, parts: Parts) -> None:
        """Dates and numbers around those that devices.py draws."""
        name = self.random.choice(
            ("sequence", "rollback_index", "not_before", "not_after", "channel_id")
        )
        if name == "channel_id":
            parts.header[name] = self.random.choice(CHANNELS)
        else:
            parts.header[name] = self.random.choice(RELEASES[name])

    def _answer(self, parts: Parts) -> None:
        gold = parts.find(GOLD)
        if gold is not None:
            gold.replace(self.scramble.flip(gold.raw))

    def _table_field(self, parts: Parts) -> None:
        section = self._any(parts, *_LAYOUTS)
        if section is None:
            return
        layout = _LAYOUTS[section.type]
        sizes = [_WIDTHS[code] for code in layout]
        head = 8 if section.type == SAFE else 0
        record = self.random.randrange(max((len(section.raw) - head) // sum(sizes), 1))
        place = self.random.randrange(len(layout))
        at = head + record * sum(sizes) + sum(sizes[:place])
        old = section.raw[at : at + sizes[place]]
        if len(old) == sizes[place]:
            section.replace(
                section.raw[:at] + self._value(layout[place], old) + section.raw[at + len(old) :]
            )

    def _value(self, code: str, old: bytes) -> bytes:
        if code == "f" and self.random.random() < 0.8:
            return struct.pack("<f", self.random.choice(_FLOATS))
        return self.scramble.word(int.from_bytes(old, "little"), len(old)).to_bytes(
            len(old), "little"
        )

    def _table_rows(self, parts: Parts) -> None:
        section = self._any(parts, PROG, TENS, IO, SLOTS, LORA)
        if section is None:
            return
        size = sum(_WIDTHS[code] for code in _LAYOUTS[section.type])
        rows = [section.raw[i : i + size] for i in range(0, len(section.raw), size)]
        place, other = (self.random.randrange(len(rows)) for _ in range(2))
        action = self.random.randrange(3)
        if action == 0:
            del rows[place]
        elif action == 1:
            rows.insert(place, rows[other])
        else:
            rows[place], rows[other] = rows[other], rows[place]
        section.replace(b"".join(rows) or b"\0")

    def _content(self, parts: Parts) -> None:
        section = self.random.choice(parts.sections)
        change = self.random.choice(self.scramble.ways)
        section.replace(change(section.raw) or b"\0")

    def _constant(self, parts: Parts) -> None:
        section = self._any(parts, *_CONSTANTS)
        if section is None:
            return
        at = self.random.randrange(len(section.raw)) // 4 * 4
        new = self.random.choice(
            (struct.pack("<f", self.random.choice(_FLOATS)), b"\x80", bytes(64))
        )
        cut = 0 if len(new) == 64 else len(new)
        section.replace(section.raw[:at] + new + section.raw[at + cut :])

    def _any(self, parts: Parts, *types: int) -> Section | None:
        found = [section for section in parts.sections if section.type in types]
        return self.random.choice(found) if found else None


_CODES = dict(zip(FIELDS, (code for code in HEADER.format if code in "HIQs"), strict=True))
