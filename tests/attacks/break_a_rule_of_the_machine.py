"""Sign a program that breaks a rule.

The idea: an insider, or whoever took over the training cluster, has a key; the signature is good.
The damage: a read outside the arena, a NaN that no limit stops, an index that names no row, a tick without end.
The defence: the validator believes no signature: every rule of ISA.md is proven before the first tick. The programs
are those of tests/programs that say which rule they break.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from plasma_edge import _core
from plasma_pack import assemble
from plasma_pack.packet import format as fmt
from plasma_pack.packet.writer import Draft, write_packet
from tests.attacks.fleet import Attempt, Fleet

PROGRAMS = Path(__file__).parents[1] / "programs"
UNPROVEN = fmt.Certificate(0, 0, 0, 0, 0)


def attempts(fleet: Fleet) -> Iterator[Attempt]:
    for path in sorted(PROGRAMS.glob("refuse_*.pasm")):
        text = path.read_text("utf-8")
        code = next(line.split()[2] for line in text.splitlines() if line.startswith("; error "))
        what = path.stem.removeprefix("refuse_").replace("_", " ")
        assembly = assemble(text)
        draft = Draft(fmt.Kind.BASE, assembly.sections, UNPROVEN, max_adapters=1)
        if not assembly.adapter:
            yield Attempt(what, write_packet(draft, [fleet.release]), [code])
            continue
        certificate = fmt.Certificate(**_core.certify(assembly.sections))
        base = write_packet(replace(draft, certificate=certificate), [fleet.release])
        adapter = Draft(
            fmt.Kind.ADAPTER, assembly.adapter, UNPROVEN, base_digest=draft.content_digest
        )
        packet = write_packet(adapter, [fleet.release])
        yield Attempt(what, packet, [code], is_adapter=True, base=base)
