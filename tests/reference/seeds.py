"""Good packets of every kind of instruction: the programs of tests/programs, and the fleet of tests/attacks."""

from __future__ import annotations

import contextlib
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import _core
from plasma_pack import assemble
from plasma_pack.errors import SourceError
from plasma_pack.golden import base_gold
from plasma_pack.packet.format import Certificate, Kind, Section
from plasma_pack.packet.writer import Draft, write_packet
from tests.attacks.fleet import Fleet
from tests.reference.mutator import Seed

_PROGRAMS = Path(__file__).parents[1] / "programs"


def make_seeds(fleet: Fleet) -> list[Seed]:
    """The fleet's own, with golden cases and an audit, then one for each program that runs."""
    seeds = [Seed(fleet.base), Seed(fleet.adapter, fleet.base)] * 8
    for path in sorted(_PROGRAMS.glob("*.pasm")):
        if not path.stem.startswith("refuse_"):
            seeds += _of(path, fleet.release)
    return seeds


def _of(path: Path, key: Ed25519PrivateKey) -> list[Seed]:
    assembly = assemble(path.read_text("utf-8"))
    certificate = Certificate(**_core.certify(assembly.sections))
    draft = Draft(Kind.BASE, assembly.sections, certificate, max_adapters=1)
    with contextlib.suppress(SourceError):  # of a program that is there to fault
        draft = draft.with_section(Section.GOLD, base_gold(draft, assembly.program, None))
    base = write_packet(draft, [key], is_compressed=False)
    if not assembly.adapter:
        return [Seed(base)]
    certificate = Certificate(**_core.certify_adapter(assembly.sections, assembly.adapter))
    adapter = Draft(Kind.ADAPTER, assembly.adapter, certificate, base_digest=draft.content_digest)
    return [Seed(base), Seed(write_packet(adapter, [key]), base)]
