"""Every attack in this folder, and what comes of one: how many attempts, and which codes refused them."""

from __future__ import annotations

import importlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import plasma_edge as pe
from tests.attacks.command import Command
from tests.attacks.fleet import Attempt, Fleet

_NO_ATTACKS = ("__init__", "__main__", "command", "fleet", "museum", "roots")
NAMES = sorted(
    path.stem for path in Path(__file__).parent.glob("*.py") if path.stem not in _NO_ATTACKS
)


@dataclass
class Exhibit:
    """What came of the attempts of one attack."""

    codes: Counter[str] = field(default_factory=Counter)
    got_through: list[str] = field(default_factory=list)

    @property
    def attempts(self) -> int:
        return self.codes.total()


def attack(name: str) -> ModuleType:
    return importlib.import_module(f"tests.attacks.{name}")


def idea(name: str) -> str:
    """The first line of the file."""
    return (attack(name).__doc__ or "").partition("\n")[0]


def try_all(attempts: Iterable[Attempt | Command], fleet: Fleet, robot: pe.Policy) -> Exhibit:
    exhibit = Exhibit()
    for attempt in attempts:
        outcome = attempt.outcome(fleet, robot)
        exhibit.codes[outcome or "accepted"] += 1
        if not attempt.is_refused(outcome):
            wanted = " or ".join(attempt.codes)
            found = outcome or "accepted"
            exhibit.got_through.append(f"{attempt.what}: {found}, expected {wanted}")
    return exhibit
