"""A command line as an attempt: what an operator types, given a hostile file, and what must come of it."""

from __future__ import annotations

import contextlib
import io
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from typer.testing import CliRunner

import plasma_edge as pe
from plasma_edge import _cli as plasma_edge_cli
from plasma_pack.cli.app import app
from tests.attacks.fleet import Fleet


@dataclass(frozen=True)
class Command:
    """`argv` begins with the program. `codes`: OK, FINDINGS, or the code of the refusal, whose exit status is 1."""

    what: str
    argv: Sequence[str | Path]
    codes: Sequence[str]
    never: str = "\0"  # what its output must not contain

    def outcome(self, fleet: Fleet, robot: pe.Policy) -> str:
        """OK or the code it ends with; empty when it crashed, hid its failure, or obeyed the packet."""
        program, *arguments = map(str, self.argv)
        status, out, err = PROGRAMS[program](arguments)
        if _obeys(out + err) or self.never in out + err or "Traceback" in err:
            return ""
        if status == 1 and not err:
            return "FINDINGS"  # of diff or doctor, and no refusal
        if status == 0:
            return "OK" if not err.startswith("E_") else ""
        code = err.partition(":")[0].strip()
        if "--json" in arguments and not _tells(out, code):
            return ""
        return code if status == 1 and code.startswith("E_") else ""

    def is_refused(self, outcome: str) -> bool:
        return outcome in self.codes


def _obeys(text: str) -> bool:
    """Is there anything that a terminal would act on?"""
    return any(unicodedata.category(c) in ("Cc", "Cf", "Cs") for c in text.replace("\n", ""))


def _tells(out: str, code: str) -> bool:
    """Is this one JSON object that says the same?"""
    try:
        facts = json.loads(out)
    except json.JSONDecodeError:
        return False
    return facts["ok"] is False and facts["code"] == code and bool(facts["message"])


def _plasma_pack(arguments: list[str]) -> tuple[int, str, str]:
    result = CliRunner().invoke(app, arguments)
    crashed = result.exception is not None and not isinstance(result.exception, SystemExit)
    trace = f"Traceback: {result.exception!r}" if crashed else ""
    return result.exit_code, result.stdout, result.stderr + trace


def _plasma_edge(arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = plasma_edge_cli.main(arguments)
    return status, out.getvalue(), err.getvalue()


PROGRAMS: dict[str, Callable[[list[str]], tuple[int, str, str]]] = {
    "plasma-pack": _plasma_pack,
    "plasma-edge": _plasma_edge,
}
