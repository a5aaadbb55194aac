"""make coverage: the lines of the packet code and of the validator that the C++ tests and the fuzz corpus reach.

Prints every file and the lines nobody reached; exit code 1 below LEAST. Reads what gcov knows of build/coverage.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).parents[2]
BUILD = ROOT / "build" / "coverage"
LEAST = 0.98
# What a packet's bytes go through before anything of theirs runs.
VALIDATOR = [
    *("adapter", "attention", "certificate", "constants", "dataflow", "opcodes", "parse"),
    *("shapes", "validator", "walk", "window"),
]
JUDGED = sorted(
    [
        *(ROOT / "cpp" / "packet").glob("*.?pp"),
        *(ROOT / "cpp" / "vm" / f"{name}.cpp" for name in VALIDATOR),
    ]
)

Counts = dict[Path, dict[int, int]]


def read(build: Path) -> Counts:
    """How often each line of a judged file ran, over every object it was compiled into."""
    counts: Counts = defaultdict(dict)
    for notes in sorted(build.rglob("*.gcda")):
        command = ["gcov", "--json-format", "--stdout", str(notes)]
        text = subprocess.run(command, capture_output=True, text=True, check=True, cwd=build).stdout
        for file in json.loads(text)["files"]:
            path = (build / file["file"]).resolve()
            if path not in JUDGED:
                continue
            lines = counts[path]
            for line in file["lines"]:
                number = line["line_number"]
                lines[number] = max(lines.get(number, 0), line["count"])
    return counts


def ranges(numbers: list[int]) -> str:
    """[3, 4, 5, 9] as '3-5 9'."""
    text, first = [], None
    for index, number in enumerate(numbers):
        first = number if first is None else first
        if index + 1 == len(numbers) or numbers[index + 1] != number + 1:
            text.append(str(first) if first == number else f"{first}-{number}")
            first = None
    return " ".join(text)


def main() -> int:
    counts = read(BUILD)
    missing = [path for path in JUDGED if path.suffix == ".cpp" and path not in counts]
    if missing:
        sys.stderr.write(f"coverage: nothing is known of {missing[0]}; run `make coverage`\n")
        return 2
    covered = total = 0
    for path, lines in sorted(counts.items()):
        unreached = sorted(number for number, count in lines.items() if count == 0)
        covered, total = covered + len(lines) - len(unreached), total + len(lines)
        share = 1 - len(unreached) / len(lines)
        name = str(path.relative_to(ROOT))
        sys.stdout.write(f"{name:<28}{len(lines):>5}{share:>8.1%}  {ranges(unreached)}\n")
    sys.stdout.write(f"coverage: {covered} of {total} lines, {covered / total:.2%}\n")
    return int(covered < LEAST * total)


if __name__ == "__main__":
    sys.exit(main())
