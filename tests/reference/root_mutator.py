"""Makes hostile trust roots without end: the faults of packets, and those of section 8 of FORMAT.md."""

from __future__ import annotations

from collections.abc import Callable

from tests.attacks.roots import (
    ALICE,
    BASE,
    BOB,
    CAROL,
    DAVE,
    LINE,
    RELEASE,
    ROOT,
    STRANGER,
    Channel,
    Key,
    RootForgery,
)
from tests.reference.mutator import Mutator, Seed
from tests.reference.parts import TYPES, Parts, key_id
from tests.reference.sections import TRUST

_HEAD = (1, 1, 2, 1, 1, 1, 9)  # widths of fields
_KEY = (32, 1, 1, 30)
_CHANNEL = (8, 4, 4, 2, 2, 44)


class RootMutator(Mutator):
    """Of a mutant, `base` is the root before it, or None."""

    def __init__(self, number: int) -> None:
        super().__init__(number, _seeds(), ALICE, STRANGER)

    @property
    def faults(self) -> tuple[Callable[[Parts], None], ...]:
        own = (self._signed_by, self._trust_field, self._trust_field, self._trust_rows)
        plain = (self._header_field, self._record_field, self._sections, self._content)
        return own * 3 + plain + (self._signers, self._padding, self._version)

    def begin(self, seed: Seed) -> Parts:
        parts = Parts.of(seed.packet, ALICE, BOB)
        parts.payload = TYPES[1]
        return parts

    def _signed_by(self, parts: Parts) -> None:
        keys = [ALICE, BOB, CAROL, DAVE, RELEASE, LINE, STRANGER]
        self.random.shuffle(keys)
        chosen = keys[: self.random.choice((1, 2, 2, 3, 3, 4))]
        parts.signers = [
            (key_id(key), bytes(64)) if self.random.random() < 0.1 else key for key in chosen
        ]

    def _version(self, parts: Parts) -> None:
        if self.random.random() < 0.5:
            parts.header["sequence"] = self.random.choice((0, 1, 2, 3, 4, 2**32 - 1, 2**32))
        else:
            parts.header["base_digest"] = self.random.choice((bytes(32), self.random.randbytes(32)))

    def _trust_field(self, parts: Parts) -> None:
        section = parts.find(TRUST)
        if section is None or len(section.raw) < 16:
            return
        n_keys, n_channels = section.raw[:2]
        begin, widths = self.random.choice(
            (
                (0, _HEAD),
                (16 + 64 * self.random.randrange(max(n_keys, 1)), _KEY),
                (16 + 64 * (n_keys + self.random.randrange(max(n_channels, 1))), _CHANNEL),
            )
        )
        place = self.random.randrange(len(widths))
        at, width = begin + sum(widths[:place]), widths[place]
        old = section.raw[at : at + width]
        if width <= 8:
            new = self.scramble.word(int.from_bytes(old, "little"), width).to_bytes(width, "little")
        else:
            new = self.scramble.flip(old)[:width]
        section.replace(section.raw[:at] + new + section.raw[at + len(old) :])

    def _trust_rows(self, parts: Parts) -> None:
        """Another key, channel or revocation, or one less; the counts may follow."""
        section = parts.find(TRUST)
        if section is None or len(section.raw) < 80:
            return
        rows = [section.raw[at : at + 32] for at in range(16, len(section.raw), 32)]
        place, size = self.random.randrange(len(rows)), self.random.choice((1, 2))
        head = bytearray(section.raw[:16])
        change = self.random.choice((-1, 1))
        if change < 0:
            del rows[place : place + size]
        else:
            rows[place:place] = rows[place : place + size]
        if self.random.random() < 0.7:
            count = self.random.randrange(3)
            head[count] = (head[count] + change) % 256
        section.replace(bytes(head) + b"".join(rows))


def _seeds() -> list[Seed]:
    """Roots that stand alone, and successors."""
    first = RootForgery(
        channels=(Channel(b"field", 1), Channel(b"lab", 31, 7, 3, 1)),
        revoked=(bytes(31) + b"\x01", bytes(31) + b"\x02"),
    )
    one = first.packet()
    second = RootForgery(
        keys=(Key(ALICE, ROOT), Key(BOB, ROOT | BASE), Key(DAVE, ROOT)), thresholds=(1, 1, 2)
    ).after(one)
    two = second.packet()
    third = RootForgery(thresholds=(1, 1, 1)).after(two).packet()
    return [Seed(one), Seed(RootForgery().packet()), Seed(two, one), Seed(third, two), Seed(two)]
