"""Runs every file of tests/attacks/: each hostile packet is refused with its code, and the robot flies on."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import plasma_edge as pe
from plasma_edge import PublicKey
from plasma_pack.packet import format as fmt
from plasma_pack.packet.keys import public_bytes
from plasma_pack.packet.writer import write_packet
from tests.attacks import command
from tests.attacks.command import Command
from tests.attacks.fleet import Attempt, Fleet, Part
from tests.attacks.museum import NAMES, attack, try_all
from tests.attacks.replay_an_old_release import floor
from tests.attacks.roots import (
    ALICE,
    BOB,
    DAVE,
    ROOT,
    STRANGER,
    Channel,
    InstallAttempt,
    Key,
    RootForgery,
)
from tests.attacks.smuggle_a_section import with_part

OBS = np.array([0.3, -0.7], np.float32)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet()


@pytest.fixture(scope="module")
def robot(fleet: Fleet) -> pe.Policy:
    return fleet.robot()


def test_the_genuine_packets_are_accepted(fleet: Fleet) -> None:
    robot = fleet.robot()
    before = robot(OBS).copy()
    robot.attach(fleet.adapter, name="genuine")
    assert (robot(OBS) != before).any()
    pe.Policy.load(fleet.large, trust=fleet.trust())


def test_an_attack_that_succeeds_is_seen(fleet: Fleet) -> None:
    attempts = [
        Attempt("a genuine base", fleet.base, ["E_"]),
        Attempt("the wrong code", b"", ["E_TRUNCATED"]),
        Attempt("the right one", b"", ["E_MAGIC"]),
    ]
    exhibit = try_all(attempts, fleet, fleet.robot())
    assert exhibit.codes == {"accepted": 1, "E_MAGIC": 2}
    assert exhibit.got_through == [
        "a genuine base: accepted, expected E_",
        "the wrong code: E_MAGIC, expected E_TRUNCATED",
    ]


@pytest.mark.parametrize(
    ("status", "out", "err", "outcome"),
    [
        (0, "good", "", "OK"),
        (1, "", "E_MAGIC: no", "E_MAGIC"),
        (0, "", "E_MAGIC: no", ""),
        (1, "", "no", ""),
        (2, "", "E_MAGIC: no", ""),
        (1, "", "E_MAGIC: no\nTraceback", ""),
        (0, "\x1b[2J", "", ""),
        (0, "right\u202eleft", "", ""),
        (0, "good, signed by NASA", "", ""),
    ],
)
def test_a_tool_that_obeys_or_hides_is_seen(
    fleet: Fleet,
    robot: pe.Policy,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    out: str,
    err: str,
    outcome: str,
) -> None:
    monkeypatch.setitem(command.PROGRAMS, "tool", lambda argv: (status, out, err))
    attempt = Command("", ["tool"], ["OK"], never="NASA")
    assert attempt.outcome(fleet, robot) == outcome
    # With --json, a refusal is one object that says the same.
    told = Command("", ["tool", "--json"], ["E_MAGIC"], never="NASA").outcome(fleet, robot)
    assert told == (outcome if outcome != "E_MAGIC" else "")


def test_the_real_programs_end_with_0_only_on_success(fleet: Fleet, tmp_path: Path) -> None:
    (tmp_path / "key.pub").write_text(PublicKey(public_bytes(fleet.release)).line())
    for data, status in ((fleet.base, 0), (fleet.base[:-1], 1)):
        (tmp_path / "arm.plasma").write_bytes(data)
        argv = ["arm.plasma", "--trust", "key.pub", "--json"]
        for program in (["plasma-pack", "verify"], ["plasma-edge", "bench", "--steps", "1000"]):
            path = Path(sys.executable).with_name(program[0])
            ended = subprocess.run(
                [path, *program[1:], *argv], cwd=tmp_path, capture_output=True, text=True
            )
            assert ended.returncode == status, ended.stderr
            facts = json.loads(ended.stdout)
            assert status == 0 or facts["code"] == "E_TRUNCATED"
            assert ended.stderr.startswith("E_TRUNCATED" if status else "")


@pytest.mark.parametrize("name", NAMES)
def test_refuses(name: str, fleet: Fleet) -> None:
    robot = fleet.robot()
    before = robot(OBS).copy()
    exhibit = try_all(attack(name).attempts(fleet), fleet, robot)
    assert exhibit.got_through == []
    assert exhibit.attempts > 0
    np.testing.assert_array_equal(robot(OBS), before)
    assert robot.adapters == ()


@pytest.mark.parametrize("name", NAMES)
def test_tells_idea_damage_and_defence(name: str) -> None:
    words = attack(name).__doc__ or ""
    assert all(part in words for part in ("The idea: ", "The damage: ", "The defence: "))


# ---- what looks like an attack and is none


def test_an_unknown_signer_beside_a_known_one_is_ignored(fleet: Fleet) -> None:
    for keys in ([fleet.release, fleet.stranger], [fleet.stranger, fleet.release]):
        pe.Policy.load(write_packet(fleet.base_draft, keys), trust=fleet.trust())


def test_an_optional_section_is_ignored(fleet: Fleet) -> None:
    optional = Part(256, b"x", fmt.FLAG_IGNORABLE, b"x")
    pe.Policy.load(with_part(fleet, optional), trust=fleet.trust())


def test_an_adapter_fits_its_base_recompressed_and_audited_again(fleet: Fleet) -> None:
    again = fleet.base_draft.with_section(fmt.Section.AUDIT, b"\x02\0\0\0\xa0")
    for draft in (fleet.base_draft, again, replace(fleet.base_draft, sequence=7)):
        base = write_packet(draft, [fleet.stranger], is_compressed=False)
        assert base != fleet.base
        trust = fleet.trust(fleet.release, fleet.stranger)
        pe.Policy.load(base, trust=trust).attach(fleet.adapter, name="icy")


def test_what_fits_exactly_is_accepted(fleet: Fleet) -> None:
    needs = fleet.base_draft.certificate
    limits = {"max_memory_bytes": needs.arena_bytes, "max_cost_units": needs.cost_units}
    for more in (0, 1):
        given = {name: value + more for name, value in limits.items()}
        pe.Policy.load(fleet.base, trust=fleet.trust(), channel="lab", **given)


JUMP = 1 << 20


@pytest.mark.parametrize(
    ("fields", "device"),
    [
        ({}, {}),
        ({"sequence": 8}, {}),
        ({"sequence": 7 + JUMP}, {}),
        ({"rollback_index": 4}, {}),
        ({"not_before": 1000}, {}),
        ({"not_after": 1001}, {}),
        ({"not_before": 0, "not_after": 2**64 - 1}, {}),
        ({"not_before": 2**64 - 1}, {"now": 2**64 - 1}),
        ({"not_before": 2000}, {"now": None}),
        ({"not_after": 2000}, {"now": None, "time_floor": 1999}),
        ({}, {"now": None, "strict_clock": True}),
        ({"channel": "field", "sequence": 0, "rollback_index": 0}, {}),
    ],
)
def test_what_may_just_be_installed_is(
    fleet: Fleet, fields: dict[str, object], device: dict[str, object]
) -> None:
    release = replace(fleet.base_draft, **{"sequence": 7, "rollback_index": 3} | fields)
    given = {"now": 1000, "floors": (floor(fleet),)} | device
    packet = write_packet(release, [fleet.release])
    pe.verify(packet, trust=RootForgery().packet(), device=pe.Device(**given))


def test_a_reset_by_the_root_undoes_a_number_that_was_too_large(fleet: Fleet) -> None:
    again = write_packet(replace(fleet.base_draft, sequence=8), [fleet.release])
    device = pe.Device(now=1000, floors=(floor(fleet, 2**63, 2**31),))
    for reset, accepted in ((0, False), (1, False), (2, True)):
        channels = (Channel(b"lab", 0x1F, reset=reset),)
        root = replace(RootForgery(), channels=channels).packet()
        attempt = InstallAttempt("", again, ["E_ROLLBACK"], root, device)
        assert (attempt.outcome(fleet, fleet.robot()) == "") == accepted


def test_a_root_that_ended_still_runs_what_it_vouched_for(fleet: Fleet) -> None:
    ended = replace(RootForgery(), expires=1).packet()
    pe.Policy.load(fleet.base, trust=ended)


def test_all_keys_of_a_root_may_be_replaced_at_once() -> None:
    first = RootForgery().packet()
    keys = (Key(DAVE, ROOT), Key(STRANGER, ROOT))
    second = replace(RootForgery(), keys=keys).after(first).packet(ALICE, BOB, DAVE, STRANGER)
    assert pe.verify_root(second, previous=first).version == 2
    third = replace(RootForgery(), keys=keys).after(second).packet(DAVE, STRANGER)
    assert pe.verify_root(third, previous=second).version == 3
