"""What the compiler may not do behind our backs: fuse arithmetic, or leak one CPU's code into another's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from plasma_edge import _core

ROOT = Path(__file__).parent.parent
ISA_FLAGS = {
    "avx2": ["-mavx2"],
    "avxvnni": ["-mavx2", "-mavxvnni"],
    "avx512vnni": ["-mavx512f", "-mavx512dq", "-mavx512vnni"],
}


def test_the_core_has_no_fused_multiply_add_and_no_estimates() -> None:
    listing = subprocess.run(
        ["objdump", "-d", "--no-show-raw-insn", _core.__file__],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "mulps" in listing  # the listing is of real arithmetic
    forbidden = re.compile(r"\b(vfn?m(add|sub)\w*|fn?m(add|sub)|fml[as]|v?rcp\w*ps|v?rsqrt\w*ps)\b")
    assert set(forbidden.findall(listing)) == set()


@pytest.mark.parametrize("level", ["-O0", "-O2", "-O3"])
@pytest.mark.parametrize("isa", sorted(ISA_FLAGS))
def test_an_isa_file_emits_no_weak_symbol(isa: str, level: str, tmp_path: Path) -> None:
    """A weak symbol would be this CPU's code, which the linker may hand to the whole program."""
    output = tmp_path / f"{isa}.o"
    flags = ["-std=c++20", "-ffp-contract=off", "-fno-exceptions", "-fno-rtti", *ISA_FLAGS[isa]]
    source = ROOT / f"cpp/kernels/{isa}.cpp"
    command = ["c++", *flags, level, f"-I{ROOT / 'cpp'}", "-c", str(source), "-o", str(output)]
    subprocess.run(command, check=True)
    symbols = subprocess.run(["nm", output], capture_output=True, text=True, check=True).stdout
    assert re.findall(r" [wWvV] (\S+)", symbols) == []
