"""Ways to break bytes that one knows nothing about."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

_WORDS = [0, 1, 2, 3, 4, 5, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 255, 256, 1024, 1025]
_WORDS += [4096, 8192, 65_535, 65_536, 66_572, 66_573, 2**20, 2**28, 2**28 + 1, 2**30, 2**31]
_WORDS += [2**32 - 64, 2**32 - 1, 2**63, 2**64 - 64, 2**64 - 1]


class Scramble:
    """Draws from `random`: the same numbers break the same bytes."""

    def __init__(self, random: Random) -> None:
        self.random = random

    @property
    def ways(self) -> tuple[Callable[[bytes], bytes], ...]:
        return self.flip, self.set, self.cut, self.insert

    def flip(self, data: bytes) -> bytes:
        """One bit."""
        broken = bytearray(data or b"\0")
        broken[self._place(broken)] ^= 1 << self.random.randrange(8)
        return bytes(broken)

    def set(self, data: bytes) -> bytes:
        """One word."""
        width = self.random.choice((1, 2, 4, 8))
        at = self._place(data) // width * width
        value = self.word(int.from_bytes(data[at : at + width], "little"), width)
        return data[:at] + value.to_bytes(width, "little") + data[at + width :]

    def cut(self, data: bytes) -> bytes:
        """Some bytes, or all from somewhere on."""
        at = self._place(data)
        return data[:at] + data[at + self.random.choice((1, 2, 64, len(data))) :]

    def insert(self, data: bytes) -> bytes:
        """Zeros, or what the bytes begin with, somewhere or at the end."""
        at = self.random.choice((self._place(data), len(data)))
        size = self.random.choice((1, 2, 40, 64))
        return data[:at] + self.random.choice((bytes(size), data[:size])) + data[at:]

    def word(self, value: int, width: int) -> int:
        """A neighbour, or one of those that programs trip over."""
        near = value + self.random.choice((-64, -4, -1, 1, 4, 64))
        chosen = self.random.choice((near, self.random.choice(_WORDS), self.random.randrange(9)))
        return chosen % (1 << 8 * width)

    def _place(self, data: bytes | bytearray) -> int:
        """Half of the time at the beginning, where headers and tables are."""
        near = min(len(data), 512) if self.random.random() < 0.5 else len(data)
        return self.random.randrange(max(near, 1))
