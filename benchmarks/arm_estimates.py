"""Estimates, not measurements: the int8 inner loops of neon and neondot in llvm-mca's models of ARM cores.

Takes the loops from the objects that `make aarch64` left in build/aarch64. A model knows ports and latencies, no caches
and no memory; where LLVM has none for a core it uses a relative's (LLVM 14: that of the A57 for A72 and A76).
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
OBJECTS = ROOT / "build/aarch64/CMakeFiles/plasma_edge.dir/cpp/kernels"
# Table -> the instruction its products end in, the products that one such instruction ends, and cores that run it.
TABLES = {
    "neon": ("sadalp", 16, ["cortex-a53", "cortex-a72"]),
    "neondot": ("sdot", 16, ["cortex-a55", "cortex-a76"]),
}
ROUNDS = 1000


def linear_i8(table: str) -> dict[int, str]:
    """The instructions of linear_i8 by address."""
    command = ["aarch64-linux-gnu-objdump", "-d", "--no-show-raw-insn", OBJECTS / f"{table}.cpp.o"]
    listing = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    function = re.search(r"<\S*linear_i8\S*>:\n(.*?)\n\n", listing, re.DOTALL)
    assert function, f"{table} has no linear_i8"
    lines = re.findall(r"^\s*([0-9a-f]+):\s+([^<\n]*)", function[1], re.MULTILINE)
    return {int(address, 16): text.split("//")[0].strip() for address, text in lines}


def inner_loop(code: dict[int, str], product: str) -> list[str]:
    """Of the shortest backward branches over products the first: the loop over most rows at once."""
    loops = []
    for end, text in code.items():
        branch = re.match(r"(?:b\.\w+|cbn?z\s+\w+,)\s*([0-9a-f]+)$", text)
        if branch and (begin := int(branch[1], 16)) < end and begin in code:
            body = [line for at, line in code.items() if begin <= at < end]
            if any(line.startswith(product) for line in body):
                loops.append(body)
    return min(loops, key=len)


def cycles(body: list[str], core: str) -> float:
    command = ["llvm-mca", "-mtriple=aarch64", "-mattr=+dotprod", f"-mcpu={core}"]
    report = subprocess.run(
        [*command, f"-iterations={ROUNDS}"],
        input="\n".join(body),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"Total Cycles:\s+(\d+)", report)
    assert found, report
    return int(found[1]) / ROUNDS


def main() -> None:
    version = subprocess.run(["llvm-mca", "--version"], capture_output=True, text=True, check=True)
    sys.stdout.write(f"{version.stdout.splitlines()[0].strip()}: estimates, not measurements\n")
    for table, (product, size, cores) in TABLES.items():
        body = inner_loop(linear_i8(table), product)
        products = size * sum(line.startswith(product) for line in body)
        for core in cores:
            took = cycles(body, core)
            rate = products / took
            row = (
                f"{table:8} {core:11} {products} products in {took:.1f} cycles: {rate:.1f} a cycle"
            )
            sys.stdout.write(f"{row}, a 256 x 256 layer in {65536 / rate:,.0f}\n")


if __name__ == "__main__":
    main()
