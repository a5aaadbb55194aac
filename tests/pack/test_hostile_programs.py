"""Looking at a packet whose program breaks the rules: described or refused with a code, never a crash."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from plasma_edge import PlasmaError
from plasma_pack import assemble, open_packet
from plasma_pack.difference import difference
from plasma_pack.estimate import estimate
from plasma_pack.inspection import describe
from plasma_pack.packet.format import Certificate, Kind
from plasma_pack.packet.reader import OpenPacket
from plasma_pack.packet.writer import Draft, write_packet

PROGRAMS = sorted((Path(__file__).parents[1] / "programs").glob("refuse_*.pasm"))


def packet_of(path: Path, key: Ed25519PrivateKey) -> OpenPacket:
    """Signed by somebody who did not ask the validator."""
    sections = assemble(path.read_text()).sections
    return open_packet(write_packet(Draft(Kind.BASE, sections, Certificate(0, 0, 0, 0, 0)), [key]))


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.stem)
def test_what_would_not_run_is_described_or_refused(path: Path, key: Ed25519PrivateKey) -> None:
    packet = packet_of(path, key)
    refusals = 0
    for look in (
        lambda: describe(packet),
        lambda: difference(packet, packet),
        lambda: estimate(packet, "pi4"),
    ):
        try:
            look()
        except PlasmaError as error:
            assert error.code.startswith("E_")
            refusals += 1
    assert refusals > 0
