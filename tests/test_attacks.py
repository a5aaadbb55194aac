"""Runs every file of tests/attacks/: each hostile packet is refused with its code, and the robot flies on."""

from __future__ import annotations

import importlib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import plasma_edge as pe
from plasma_edge import PlasmaError
from tests.attacks.fleet import Attempt, Fleet

FOLDER = Path(__file__).parent / "attacks"
NAMES = sorted(path.stem for path in FOLDER.glob("*.py") if path.stem not in ("__init__", "fleet"))
OBS = np.array([0.3, -0.7], np.float32)


@pytest.fixture(scope="module")
def fleet() -> Fleet:
    return Fleet()


def attack(name: str) -> ModuleType:
    return importlib.import_module(f"tests.attacks.{name}")


def refusal(fleet: Fleet, robot: pe.Policy, attempt: Attempt) -> str:
    """The code that an attempt ends in; empty when it succeeds."""
    try:
        if attempt.is_adapter:
            robot.attach(attempt.packet, name="hostile")
        else:
            pe.Policy.load(
                attempt.packet, **({"trust": fleet.trust(), "kernels": "scalar"} | attempt.load)
            )
    except PlasmaError as error:
        return error.code
    return ""


def test_the_genuine_packets_are_accepted(fleet: Fleet) -> None:
    robot = fleet.robot()
    before = robot(OBS).copy()
    robot.attach(fleet.adapter, name="genuine")
    assert (robot(OBS) != before).any()


@pytest.mark.parametrize("name", NAMES)
def test_refuses(name: str, fleet: Fleet) -> None:
    robot = fleet.robot()
    before = robot(OBS).copy()
    count = 0
    for count, attempt in enumerate(attack(name).attempts(fleet), 1):  # noqa: B007
        code = refusal(fleet, robot, attempt)
        wanted = " or ".join(attempt.codes)
        assert code.startswith(tuple(attempt.codes)), (
            f"attempt {count}: {code or 'accepted'}, expected {wanted}"
        )
    assert count > 0
    np.testing.assert_array_equal(robot(OBS), before)
    assert robot.adapters == ()


@pytest.mark.parametrize("name", NAMES)
def test_tells_idea_damage_and_defence(name: str) -> None:
    words = attack(name).__doc__ or ""
    assert all(part in words for part in ("The idea: ", "The damage: ", "The defence: "))
