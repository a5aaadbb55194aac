"""verify(..., device=): whether a device may install what it would run."""

from __future__ import annotations

from pathlib import Path

import pytest

import plasma_edge as pe
from plasma_edge import Device, Floor, UsageError
from plasma_pack import build, keygen

PROGRAM = """
input obs f32[2]
output act f32[2] actuator low -1 high 1 safe 0
copy act, obs
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("install")
    keygen(folder / "key.pem")
    (folder / "policy.pasm").write_text(PROGRAM)
    return folder


def verdict(folder: Path, device: Device, **release: int) -> str:
    packet = build(folder / "policy.pasm", key=folder / "key.pem", channel="arm", **release)
    try:
        pe.verify(packet.data, trust=folder / "key.pub", device=device)
    except pe.PlasmaError as error:
        return error.code
    pe.Policy.load(packet.data, trust=folder / "key.pub")
    return ""


def test_times_count_for_installing(folder: Path) -> None:
    assert verdict(folder, Device(now=99), not_before=100) == "E_NOT_YET_VALID"
    assert verdict(folder, Device(now=100), not_before=100, not_after=200) == ""
    assert verdict(folder, Device(now=200), not_after=200) == "E_EXPIRED"
    assert verdict(folder, Device(now=0, time_floor=200), not_after=200) == "E_EXPIRED"
    assert verdict(folder, Device(), not_before=100, not_after=200) == ""
    assert verdict(folder, Device(strict_clock=True), not_after=200) == "E_NO_CLOCK"


def test_a_floor_is_made_from_what_was_confirmed(folder: Path) -> None:
    packet = build(
        folder / "policy.pasm",
        key=folder / "key.pem",
        channel="arm",
        sequence=7,
        rollback_index=2,
    )
    floor = Floor.of(pe.verify(packet.data, trust=folder / "key.pub"), root_version=3)
    assert (floor.kind, floor.sequence, floor.rollback_index, floor.root_version) == (
        "base",
        7,
        2,
        3,
    )
    assert floor.content_digest == packet.content_digest
    device = Device(floors=(floor,))
    assert verdict(folder, device, sequence=7, rollback_index=2) == ""
    assert verdict(folder, device, sequence=6, rollback_index=2) == "E_STALE_SEQ"
    assert verdict(folder, device, sequence=8, rollback_index=1) == "E_ROLLBACK"
    assert verdict(folder, device, sequence=8 + (1 << 20), rollback_index=2) == "E_SEQUENCE_JUMP"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Device(now=-1),
        lambda: Device(time_floor=1 << 64),
        lambda: Floor(bytes(16), "root", 0, 0, bytes(32)),
        lambda: Floor(bytes(15), "base", 0, 0, bytes(32)),
        lambda: Floor(bytes(16), "base", 0, 0, bytes(31)),
        lambda: Floor(bytes(16), "base", 1 << 64, 0, bytes(32)),
        lambda: Floor(bytes(16), "base", 0, 1 << 32, bytes(32)),
    ],
)
def test_a_device_that_cannot_be_is_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(UsageError, match="found .*, expected"):
        make()
