# SPDX-License-Identifier: Apache-2.0
"""The evaluation ladder: policies of one task, flown from the same seeds for good, in the order of what they earned.

Every real episode is a row of an SQLite file, keyed by the policy's weights, the plant and the seed. So none is flown
twice, a ladder can be stopped at any time, and a policy that joins later meets the starts that the others met.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table
from torch import nn

from plasma_trainer.audit.ranking import (
    Standing,
    probability_of_improvement,
    rank_correlation,
    stability,
    standings,
)
from plasma_trainer.data import derive
from plasma_trainer.envs import fly, make_plant
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines.skills import Skill, load_skill
from plasma_trainer.policies import greedy_act

PARTED = 0.8  # rank correlation of imagined and real returns, below which a ladder is flagged
SCHEMA = """
create table if not exists episodes (
  policy text, env text, variant text, seed integer, return real not null,
  primary key (policy, env, variant, seed)
) without rowid;
create table if not exists ladders (
  env text, variant text, climbed real not null, ladder text not null, primary key (env, variant)
) without rowid;
"""


@dataclass(frozen=True)
class Rung:
    """A run on the ladder."""

    run: Path
    standing: Standing
    imagined: float | None  # what its audit says that its world promises; None: not audited
    over_next: (
        float | None
    )  # probability that an episode earns more than one of the next run's; None: the last


@dataclass(frozen=True)
class Ladder:
    """Best first. `stability`: how far the order on half of the seeds foretells that on the other half, 1 is certainly.

    `honesty` is the rank correlation of imagined and real returns, None with fewer than three audited runs.
    """

    rungs: list[Rung]
    stability: float
    honesty: float | None

    @property
    def parted(self) -> bool:
        """Imagination and reality put the policies in different orders: choose by the real one, and audit."""
        return self.honesty is not None and self.honesty < PARTED

    @property
    def summary(self) -> str:
        """What to make of it."""
        halves = f"order on one half of the seeds and on the other: rank correlation {self.stability:.2f}"
        if self.honesty is None:
            return f"{halves}; imagined order unknown: audit three runs or more"
        warning = "; FLAG: imagination ranks them otherwise" if self.parted else ""
        return f"{halves}; imagined and real order: {self.honesty:.2f}{warning}"

    @property
    def json(self) -> str:
        """All of it, with the runs by their directories."""
        return json.dumps({**asdict(self), "parted": self.parted}, default=str)

    @property
    def table(self) -> Table:
        table = Table()
        for head in ("rank", "95 %", "run", "IQM", "95 %", "beats the next", "imagined"):
            table.add_column(head, justify="left" if head == "run" else "right")
        for rung in self.rungs:
            s = rung.standing
            table.add_row(
                str(s.rank),
                f"{s.rank_interval[0]}–{s.rank_interval[1]}",
                str(rung.run),
                f"{s.iqm:.1f}",
                f"{s.iqm_interval[0]:.1f} to {s.iqm_interval[1]:.1f}",
                "–" if rung.over_next is None else f"{rung.over_next:.0%}",
                "–" if rung.imagined is None else f"{rung.imagined:.1f}",
            )
        return table


def ladder(
    runs: list[Path], db: Path, variant: str | None, episodes: int, seed: int, console: Console
) -> Ladder:
    """Fly what is missing in `db`, and rank `runs`. `variant`: the plant; None: that of the runs.

    Raises UsageError when the runs are of different plants, or fewer than two.
    """
    if len(set(runs)) != len(runs) or len(runs) < 2:
        raise UsageError(f"found {len(runs)} runs; expected two or more different ones")
    skills = [load_skill(run) for run in runs]
    plants = {(skill.env, variant or skill.variant) for skill in skills}
    if len(plants) != 1:
        named = ", ".join(sorted(f"{env} {of}" for env, of in plants))
        raise UsageError(
            f"runs of different plants cannot be ranked: {named}; pass --variant, or others"
        )
    (plant,) = plants
    with _opened(db) as store:
        flown = [_fly(store, skill, plant, episodes, seed, console) for skill in skills]
        found = _ranked(runs, np.stack(flown), [_imagined(run) for run in runs], seed)
        row = (*plant, time.time(), found.json)
        with store:  # the plant's latest, for who only looks
            store.execute("insert or replace into ladders values (?, ?, ?, ?)", row)
    return found


def _ranked(
    runs: list[Path], returns: np.ndarray, imagined: list[float | None], seed: int
) -> Ladder:
    found = standings(returns, derive(seed, "bootstrap"))
    order = sorted(range(len(runs)), key=lambda p: -found[p].iqm)
    rungs = []
    for place, p in enumerate(order):
        after = order[place + 1] if place + 1 < len(order) else None
        beats = None if after is None else probability_of_improvement(returns[p], returns[after])
        rungs.append(Rung(runs[p], found[p], imagined[p], beats))
    known = [rung for rung in rungs if rung.imagined is not None]
    honesty = None
    if len(known) >= 3:
        promised = np.array([rung.imagined for rung in known])
        honesty = rank_correlation(promised, np.array([rung.standing.iqm for rung in known]))
    return Ladder(rungs, stability(returns, derive(seed, "halves")), honesty)


def _fly(
    store: sqlite3.Connection,
    skill: Skill,
    plant: tuple[str | None, str],
    episodes: int,
    seed: int,
    console: Console,
) -> np.ndarray:
    """Returns [episodes] of one policy; what is not in the store is flown, and kept episode by episode."""
    policy, (env, variant) = _digest(skill.learner.policy), plant
    seeds = [derive(seed, "ladder", index) for index in range(episodes)]
    rows = store.execute(
        "select seed, return from episodes where policy = ? and env = ? and variant = ?",
        (policy, env, variant),
    )
    known, act, made = dict(rows.fetchall()), greedy_act(skill.learner.policy), make_plant(*plant)
    with console.status(f"flying {policy[:8]}") as status:
        for index, start in enumerate(seeds):
            if start not in known:
                status.update(f"flying {policy[:8]}: episode {index + 1} of {episodes}")
                known[start] = fly(made, act, start).total
                row = (policy, env, variant, start, known[start])
                with store:
                    store.execute("insert or ignore into episodes values (?, ?, ?, ?, ?)", row)
    return np.array([known[start] for start in seeds])


def _digest(policy: nn.Module) -> str:
    """What a policy is called: the digest of its weights, hex, SHA-512 truncated to 32 bytes."""
    digest = hashlib.sha512()
    for name, tensor in sorted(policy.state_dict().items()):
        digest.update(name.encode() + tensor.numpy().tobytes())
    return digest.digest()[:32].hex()


def _imagined(run: Path) -> float | None:
    audit = run / "audit.json"
    return float(json.loads(audit.read_text())["imagined_return"]) if audit.exists() else None


@contextmanager
def _opened(db: Path) -> Iterator[sqlite3.Connection]:
    """The store. Raises UsageError when the file is something else."""
    db.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(db, timeout=30.0)) as store:
        try:
            store.executescript(SCHEMA)
        except sqlite3.DatabaseError as error:
            raise UsageError(f"{db} is no ladder ({error}); pass another --db") from error
        yield store
