# SPDX-License-Identifier: Apache-2.0
"""A run on disk: what was asked for, and every stage that was finished. Files are either whole or not there."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from plasma_trainer.errors import RunMismatchError, UsageError


def write_whole(path: Path, write: Callable[[Path], None]) -> None:
    """Let `write` fill a scratch file, then move it to `path` in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(path.name + ".tmp")
    write(scratch)
    scratch.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON document, whole or not at all."""
    text = json.dumps(value, indent=2, sort_keys=True) + "\n"
    write_whole(path, lambda scratch: scratch.write_text(text) and None)


class Run:
    """A directory that belongs to one experiment: args.json, round-000.pt, round-001.pt, ..., result.json."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    @classmethod
    def begin(cls, directory: Path, args: Any) -> Run:
        """Create the directory, or go on in it. Raises RunMismatchError when it was begun with other arguments."""
        wanted = json.loads(json.dumps(asdict(args), default=str))
        path = directory / "args.json"
        if path.exists():
            found = json.loads(path.read_text())
            different = sorted(k for k in wanted | found if wanted.get(k) != found.get(k))
            if different:
                changes = ", ".join(
                    f"{k}: {found.get(k)} there, {wanted.get(k)} now" for k in different
                )
                raise RunMismatchError(
                    f"{directory} holds a run with other arguments ({changes}); "
                    "choose another --out, or remove it to start over"
                )
        write_json(path, wanted)
        return cls(directory)

    @classmethod
    def open(cls, directory: Path) -> Run:
        """A run that was begun before. Raises UsageError when there is none."""
        if not (directory / "args.json").exists():
            raise UsageError(
                f"{directory} holds no run (no args.json); run plasma-train train first"
            )
        return cls(directory)

    @property
    def args(self) -> dict[str, Any]:
        """The arguments the run was begun with."""
        return dict(json.loads((self.directory / "args.json").read_text()))

    def save_round(self, index: int, state: dict[str, Any]) -> None:
        """Keep a finished round."""
        path = self.directory / f"round-{index:03d}.pt"
        write_whole(path, lambda scratch: torch.save(state, scratch))

    def last_round(self) -> dict[str, Any] | None:
        """The state of the last finished round, if any was."""
        rounds = self._rounds()
        return _load(rounds[-1]) if rounds else None

    def history(self) -> list[dict[str, Any]]:
        """How each finished round ended (see rounds.Result), in order: the learning curve."""
        return [kept["result"] for kept in self.rounds()]

    def finished_round(self) -> dict[str, Any]:
        """The last round of a complete run. Raises UsageError when rounds are still missing."""
        self.result()
        return _load(self._rounds()[-1])

    def round(self, index: int) -> dict[str, Any]:
        """A finished round, counted from 0."""
        return _load(self._rounds()[index])

    def rounds(self) -> list[dict[str, Any]]:
        """Every finished round, in order."""
        return [_load(path) for path in self._rounds()]

    def result(self) -> dict[str, Any]:
        """What a complete run ended with. Raises UsageError when rounds are still missing."""
        path = self.directory / "result.json"
        if not path.exists():
            raise UsageError(
                f"the run in {self.directory} is not finished; start it again with the same arguments to finish it"
            )
        return dict(json.loads(path.read_text()))

    def finish(self, result: Any) -> None:
        """Mark the run complete."""
        write_json(self.directory / "result.json", asdict(result))

    def _rounds(self) -> list[Path]:
        return sorted(self.directory.glob("round-*.pt"))


def _load(path: Path) -> dict[str, Any]:
    return dict(torch.load(path, weights_only=True))
