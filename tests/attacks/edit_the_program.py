"""Change one number of the program, and sign it.

The idea: an insider turns an offset, a count, an operand or a dimension into its neighbour, zero, or the largest.
The damage: a kernel that reads or writes where another tensor lies, or outside of everything.
The defence: rules of the validator that leave no number free; what keeps all of them has another cost or other answers.
"""

from __future__ import annotations

from collections.abc import Iterator

from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery

CODES = ("E_PROG_", "E_HOLE", "E_CERT_MISMATCH", "E_SELFTEST")
TABLES = (fmt.Section.PROG, fmt.Section.TENS, fmt.Section.LORA)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for packet, is_adapter in ((fleet.base, False), (fleet.adapter, True)):
        for part in Forgery.of(packet).parts:
            if part.type not in TABLES:
                continue
            for at in range(0, len(part.raw), 2):
                for value in _values(int.from_bytes(part.raw[at : at + 2], "little")):
                    forgery = Forgery.of(packet)
                    changed = part.raw[:at] + value.to_bytes(2, "little") + part.raw[at + 2 :]
                    forgery.replace_raw(part.type, changed)
                    what = f"word {at // 2} of section {part.type} = {value}"
                    yield Attempt(what, forgery.assemble(fleet.release), CODES, is_adapter)


def _values(old: int) -> list[int]:
    return sorted({0, old - 1 & 0xFFFF, old + 1 & 0xFFFF, 0x7FFF, 0x8000, 0xFFFF} - {old})
