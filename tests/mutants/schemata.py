"""Copies of the sources in which every mutant lies dormant, compiled once; an environment variable wakes one."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from .checks import Checks, Mutant, Wrap
from .source import Source

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "mutants"
COPY = BUILD / "source"
PROGRAM = BUILD / "tests" / "cpp" / "plasma_tests"
# Verifier and validator, and what they read bytes with. Those of SECURITY decide what a packet may be.
SECURITY = (
    "cpp/base/byte_reader.hpp",
    "cpp/packet/",
    "cpp/runtime/trust.cpp",
    "cpp/runtime/verified.cpp",
    "cpp/runtime/self_test.cpp",
)
VALIDATOR = tuple(
    f"cpp/vm/{name}"
    for name in (
        "adapter.cpp", "attention.cpp", "certificate.cpp", "constants.cpp", "dataflow.cpp", "half.hpp",
        "parse.cpp", "program.hpp", "safe.cpp", "shapes.cpp", "validator.cpp", "walk.cpp", "window.cpp",
    )
)  # fmt: skip
# What a build of the C++ tests needs.
_NEEDED = (
    *("CMakeLists.txt", "cmake", "cpp", "tests/cpp", "benchmarks/kernels"),
    *("tests/fuzz/CMakeLists.txt", "tests/fuzz/*.cpp", "tests/fuzz/*.hpp"),
)


@dataclass(frozen=True)
class Numbered:
    """Mutants are numbered from 1 in the order of files and places."""

    number: int
    mutant: Mutant


def tracked(*paths: str) -> list[str]:
    """The files of the repository under these paths, also those not yet committed."""
    command = ["git", "-C", str(ROOT), "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run([*command, *paths], capture_output=True, text=True, check=True).stdout
    return [path for path in listed.splitlines() if (ROOT / path).exists()]


def checked_files() -> list[str]:
    """The sources whose checks are broken."""
    files = tracked(*SECURITY, *VALIDATOR)
    return sorted(path for path in files if path.endswith((".cpp", ".hpp")))


def checks_of(path: str) -> Checks:
    return Checks(Source(path, (ROOT / path).read_text(encoding="utf-8")))


def write() -> list[Numbered]:
    """Writes the copies that changed; the others keep their time and are not compiled again."""
    mutated = checked_files()
    _put("cpp/mutant.hpp", (Path(__file__).parent / "mutant.hpp").read_text(encoding="utf-8"))
    for path in tracked(*_NEEDED):
        if path not in mutated:
            _put(path, (ROOT / path).read_text(encoding="utf-8"))
    found: list[Numbered] = []
    for path in mutated:
        checks = checks_of(path)
        first = len(found) + 1
        _put(path, '#include "mutant.hpp"\n' + rewritten(checks, first))
        found += [Numbered(first + i, mutant) for i, mutant in enumerate(checks.mutants)]
    return found


def build() -> None:
    """Not optimised much, without sanitizers: a mutant is run once."""
    configure = ["-DCMAKE_BUILD_TYPE=Mutants", "-DCMAKE_CXX_FLAGS=-O1 -w", "-DPLASMA_DEVELOPER=ON"]
    tools = ROOT / ".venv" / "bin"
    ninja = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools / 'ninja'}"]
    cmake = str(tools / "cmake")
    subprocess.run(
        [cmake, "-S", COPY, "-B", BUILD, *ninja, *configure], check=True, stdout=subprocess.DEVNULL
    )
    subprocess.run([cmake, "--build", BUILD, "--target", "plasma_tests"], check=True)


def rewritten(checks: Checks, first: int) -> str:
    """The source with all its mutants, numbered from `first`."""
    text = checks.source.text
    pieces: list[str] = []
    at = 0
    for position, length, code in sorted(_edits(checks, first)):
        pieces += [text[at : position[0]], code]
        at = position[0] + length
    return "".join([*pieces, text[at:]])


# Where an edit goes: at one place what closes comes before what opens, inner parts close first and outer ones open
# first.
_Place = tuple[int, int, int, int]


def _edits(checks: Checks, first: int) -> Iterator[tuple[_Place, int, str]]:
    """Place, number of characters replaced, and the code."""
    source = checks.source
    for order, (wrap, number) in enumerate(_numbered(checks.wraps, first)):
        start, end = source.span(wrap.part)
        yield (start, 1, -end, order), 0, wrap.before.replace("#", str(number))
        yield (end, 0, -start, -order), 0, wrap.behind
        if wrap.instead is not None:
            token = source.tokens[wrap.instead[0]]
            yield (token.start, 1, 0, 0), token.end - token.start, wrap.instead[1]


def _numbered(wraps: Iterable[Wrap], first: int) -> Iterator[tuple[Wrap, int]]:
    for wrap in wraps:
        yield wrap, first
        first += len(wrap.mutants)


def _put(path: str, text: str) -> None:
    target = COPY / path
    if target.exists() and target.read_text(encoding="utf-8") == text:
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(text, encoding="utf-8")
