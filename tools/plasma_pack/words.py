# SPDX-License-Identifier: Apache-2.0
"""A digest as six words that two people can compare over the telephone: its first 96 bits as proquints
(arXiv:0901.4016), 16 bits a word of five letters.
"""

from __future__ import annotations

_CONSONANTS = "bdfghjklmnprstvz"
_VOWELS = "aiou"
_WORDS = 6


def words_of(digest: bytes) -> str:
    """'lusab-babad-…', six words."""
    numbers = (int.from_bytes(digest[2 * i : 2 * i + 2], "big") for i in range(_WORDS))
    return "-".join(_word(number) for number in numbers)


def _word(number: int) -> str:
    return "".join(
        (_CONSONANTS if bits == 4 else _VOWELS)[number >> shift & (1 << bits) - 1]
        for shift, bits in ((12, 4), (10, 2), (6, 4), (4, 2), (0, 4))
    )
