"""Mutants that no test can kill, because they are no different: equivalent.toml, each with its reason."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from .checks import Mutant

_LIST = Path(__file__).parent / "equivalent.toml"


class Fate(Enum):
    KILLED = "killed"
    SURVIVED = "survived"
    EQUIVALENT = "equivalent"
    UNEQUAL = "listed as equivalent but killed"


@dataclass(frozen=True)
class Reason:
    """Why the mutants of one text in one function change nothing."""

    path: str
    function: str
    text: str
    kinds: tuple[str, ...]
    reason: str

    def covers(self, mutant: Mutant) -> bool:
        same = (mutant.path, mutant.function, mutant.text) == (self.path, self.function, self.text)
        return same and mutant.kind in self.kinds


def listed() -> list[Reason]:
    entries = tomllib.loads(_LIST.read_text(encoding="utf-8")).get("mutant", [])
    return [Reason(**entry | {"kinds": tuple(entry["kinds"])}) for entry in entries]


def judged(mutants: Iterable[Mutant], killed: Iterable[bool]) -> Iterator[tuple[Mutant, Fate]]:
    """The fate of each. A mutant that a test kills is no equivalent one, whatever the list says."""
    reasons = listed()
    for mutant, is_killed in zip(mutants, killed, strict=True):
        fate = Fate.KILLED if is_killed else Fate.SURVIVED
        if any(reason.covers(mutant) for reason in reasons):
            fate = Fate.UNEQUAL if is_killed else Fate.EQUIVALENT
        yield mutant, fate
