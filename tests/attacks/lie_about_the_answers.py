"""Ship self-test answers that the program does not give.

The idea: an insider signs a packet whose recorded answers are those of another policy; or an adapter that does nothing.
The damage: what was tested is not what flies; an "applied" fix that changes no action.
The defence: the cases are run at load and compared bit for bit; an adapter must change at least one of them.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

import numpy as np

from plasma_pack.packet import format as fmt
from tests.attacks.fleet import Attempt, Fleet, Forgery


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for packet, is_adapter in ((fleet.base, False), (fleet.adapter, True)):
        gold = Forgery.of(packet).part(fmt.Section.GOLD).raw
        for at in range(16 + 8, len(gold), 16):  # the outputs of each case
            told = _with_gold(fleet, packet, _flip(gold, at))
            yield Attempt(f"answer at {at}", told, ["E_SELFTEST"], is_adapter)
        for what, wrong in _malformed(gold).items():
            told = _with_gold(fleet, packet, wrong)
            yield Attempt(what, told, ["E_GOLD_FORMAT"], is_adapter)
    # The answers of the base alone, in an adapter.
    plain = Forgery.of(fleet.base).part(fmt.Section.GOLD).raw
    told = _with_gold(fleet, fleet.adapter, plain)
    yield Attempt("the base's answers", told, ["E_SELFTEST"], is_adapter=True)
    # B = 0: a patch that is there and does nothing, with answers that are true.
    forgery = Forgery.of(fleet.adapter)
    constants = bytearray(forgery.part(fmt.Section.LORA_CONST).raw)
    constants[128:130] = bytes(2)
    forgery.replace_raw(fmt.Section.LORA_CONST, bytes(constants))
    forgery.replace_raw(fmt.Section.GOLD, plain)
    idle = forgery.assemble(fleet.release)
    yield Attempt("a patch that changes nothing", idle, ["E_SELFTEST"], is_adapter=True)


def _with_gold(fleet: Fleet, packet: bytes, gold: bytes) -> bytes:
    forgery = Forgery.of(packet)
    forgery.replace_raw(fmt.Section.GOLD, gold)
    return forgery.assemble(fleet.release)


def _flip(gold: bytes, at: int) -> bytes:
    """The neighbouring float: the smallest lie there is."""
    value = np.frombuffer(gold[at : at + 4], "<f4")[0]
    return gold[:at] + struct.pack("<f", np.nextafter(value, np.float32(9))) + gold[at + 4 :]


def _malformed(gold: bytes) -> dict[str, bytes]:
    return {
        "cut off": gold[:-4],
        "a word more": gold + bytes(4),
        "no cases": struct.pack("<I", 0) + gold[4:],
        "17 cases": struct.pack("<I", 17) + gold[4:],
        "2^32 - 1 cases": b"\xff" * 4 + gold[4:],
        "a reserved word": gold[:4] + b"\x01\0\0\0" + gold[8:],
        "another input": gold[:8] + struct.pack("<II", 12, 4) + gold[16:],
        "sizes that wrap": gold[:8] + b"\xff" * 8 + gold[16:],
        "a header alone": gold[:16],
        "half a header": gold[:8],
    }
