"""What became of the mutants: a table, the survivors, one line of figures, and the file of results."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator

from benchmarks.bench.results import provenance
from rich.console import Console

from .checks import Mutant
from .equivalent import Fate
from .schemata import ROOT, SECURITY

LATEST = ROOT / "benchmarks" / "results" / "mutants" / "latest.json"
LEAST_SCORE = 0.95
Fates = list[tuple[Mutant, Fate]]
Tally = Counter[Fate]
_CONSOLE = Console(markup=False, highlight=False, soft_wrap=True)


def shown(fates: Iterable[tuple[Mutant, Fate]]) -> Iterator[tuple[Mutant, Fate]]:
    """Prints what should not be as it comes."""
    for mutant, fate in fates:
        if fate in {Fate.SURVIVED, Fate.UNEQUAL}:
            place = f"{mutant.path}:{mutant.line}: {mutant.function}"
            _CONSOLE.print(f"{fate.value}: {place}: {mutant.kind}: {mutant.text}")
        yield mutant, fate


def summary(fates: Fates) -> int:
    """Prints the table and the line of figures; the exit status of the verb."""
    columns = (Fate.KILLED, Fate.SURVIVED, Fate.EQUIVALENT)
    _CONSOLE.print(f"{'file':28} {'mutants':>10}", *(f"{fate.value:>10}" for fate in columns))
    for path, tally in _by_path(fates).items():
        counts = [tally.total(), *(tally[fate] for fate in columns)]
        _CONSOLE.print(f"{path:28}", *(f"{count:10}" for count in counts))
    every, security = tally_of(fates), tally_of(_security(fates))
    _CONSOLE.print(
        f"mutants: {every.total()}, killed {every[Fate.KILLED]}, survived {every[Fate.SURVIVED]}, "
        f"equivalent {every[Fate.EQUIVALENT]}; score {score(every):.2%}, "
        f"of the {security.total()} of security checks {score(security):.2%}"
    )
    is_safe = security[Fate.SURVIVED] == 0 and every[Fate.UNEQUAL] == 0
    return int(score(every) < LEAST_SCORE or not is_safe)


def score(tally: Tally) -> float:
    """The share that a test kills of those that can be killed."""
    return tally[Fate.KILLED] / max(1, tally.total() - tally[Fate.EQUIVALENT])


def save(fates: Fates, seconds: float) -> None:
    every, security = tally_of(fates), tally_of(_security(fates))
    kinds = sorted({mutant.kind for mutant, _ in fates})
    results = {
        "score": score(every),
        "security_score": score(security),
        "all": _counts(every),
        "security": _counts(security),
        "files": {path: _counts(tally) for path, tally in _by_path(fates).items()},
        "kinds": {k: _counts(tally_of([f for f in fates if f[0].kind == k])) for k in kinds},
        "seconds": round(seconds),
        "made": provenance(),
    }
    LATEST.parent.mkdir(parents=True, exist_ok=True)
    LATEST.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


def tally_of(fates: Fates) -> Tally:
    return Counter(fate for _, fate in fates)


def _security(fates: Fates) -> Fates:
    return [(mutant, fate) for mutant, fate in fates if mutant.path.startswith(SECURITY)]


def _by_path(fates: Fates) -> dict[str, Tally]:
    paths = sorted({mutant.path for mutant, _ in fates})
    return {path: tally_of([f for f in fates if f[0].path == path]) for path in paths}


def _counts(tally: Tally) -> dict[str, int]:
    return {fate.value: tally[fate] for fate in Fate if tally[fate]}
