"""ARM without an ARM machine: instructions of a step, counted under qemu, and llvm-mca's estimate of the int8 loops.

    make aarch64
    .venv/bin/python -m benchmarks.bench.nets B C D E
    .venv/bin/python -m benchmarks.arm_estimates

Instructions are counted, not estimated: those of our own code, in a robot of contrib/recipes/c_robot. Cycles are
estimates of the loops in build/aarch64's objects: a model knows ports and latencies, no caches and no memory, and where
LLVM has none for a core it uses a relative's (LLVM 14: that of the A57 for A72 and A76). The roofline beside them is
what the core's multipliers do at best, by Arm's software optimization guides.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from benchmarks.bench import ours
from benchmarks.bench.catalog import NETS, Net

ROOT = Path(__file__).parent.parent
BUILD = ROOT / "build/aarch64"
OBJECTS = BUILD / "CMakeFiles/plasma_edge.dir/cpp/kernels"
# Table -> the instruction its products end in, the products that one such instruction ends, and cores that run it.
TABLES = {
    "neon": ("sadalp", 16, ["cortex-a53", "cortex-a72"]),
    "neondot": ("sdot", 16, ["cortex-a55", "cortex-a76"]),
}
ROUNDS = 1000
ROOFLINES = {"cortex-a72": 8, "cortex-a76": 32}  # int8 products a cycle: one smull, two sdot
COUNTED = {"cortex-a72": "neon", "cortex-a76": "neondot"}  # what qemu counts on
OURS = "0x5500000000+0x1000000"  # where qemu loads a program, and no library
STEPS = 4


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


def instructions(net: Net, core: str) -> float:
    """Of a step, in our own code: what more steps take more."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        ours.pack(net, folder)
        raw = base64.b64decode((folder / "key.pub").read_text().split()[1])
        (folder / "key.raw").write_bytes(raw)
        return (_executed(net, core, folder, 1 + STEPS) - _executed(net, core, folder, 1)) / STEPS


def _executed(net: Net, core: str, folder: Path, steps: int) -> int:
    """Instructions from the start to the end of a robot that takes so many steps."""
    trace = ["-singlestep", "-d", "nochain,exec", "-dfilter", OURS]
    robot = [BUILD / "robot/robot", folder / "base.plasma", folder / "key.raw"]
    rows = (" ".join(map(str, np.ravel(obs))) for obs in net.reference.obs[:steps])
    (folder / "observations.txt").write_text("\n".join(rows))
    with (
        (folder / "observations.txt").open() as observations,
        subprocess.Popen(
            ["qemu-aarch64", "-cpu", core, *trace, *robot],
            stdin=observations,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        ) as running,
    ):
        assert running.stderr
        executed = sum(line.startswith(b"Trace") for line in running.stderr)
    if running.returncode:
        sys.exit(f"the robot ended with {running.returncode} on {core}; run make aarch64 again")
    return executed


def main() -> None:
    version = subprocess.run(["llvm-mca", "--version"], capture_output=True, text=True, check=True)
    sys.stdout.write(f"{version.stdout.splitlines()[0].strip()}: estimates, not measurements\n")
    for table, (product, size, cores) in TABLES.items():
        body = inner_loop(linear_i8(table), product)
        products = size * sum(line.startswith(product) for line in body)
        for core in cores:
            took = cycles(body, core)
            roofline = f" of {ROOFLINES[core]}" if core in ROOFLINES else ""
            sys.stdout.write(
                f"{table:8} {core:11} {products} products in {took:.1f} cycles: "
                f"{products / took:.1f}{roofline} a cycle\n"
            )
    sys.stdout.write("counted under qemu:\n")
    for letter in sys.argv[1:] or "BCDE":
        for core, table in COUNTED.items():
            count = instructions(NETS[letter], core)
            sys.stdout.write(
                f"{table:8} {core:11} net {letter}: {count:,.0f} instructions a step\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
