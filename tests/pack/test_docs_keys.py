"""docs/keys.md, typed from top to bottom into a real shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from plasma_pack import build, keygen

PAGE = Path(__file__).parents[2] / "docs/keys.md"
PROGRAM = """
input obs f32[2]
output act f32[2] actuator low -1 high 1 safe 0
const w i8[2,2] scale s = {weight} 0 0 127
const s f32[2] = 0.0078740157
linear act, obs, w
"""


def test_the_page_does_what_it_says(tmp_path: Path, mlp_onnx: Path) -> None:
    """The first block asks for a password, and makes what is made here without one."""
    for name in ("alice", "bob", "carol", "online", "online-2"):
        keygen(tmp_path / f"{name}.pem")
    (tmp_path / "walker.onnx").write_bytes(mlp_onnx.read_bytes())
    for name, key in (("walker-7", "alice"), ("evil", "online")):
        source = tmp_path / f"{name}.pasm"
        source.write_text(PROGRAM.format(weight=len(name)))
        out = tmp_path / f"{name}.plasma"
        build(source, key=tmp_path / f"{key}.pem", out=out, channel="arm", sequence=7)
    first, *blocks = re.findall(r"^```\n(.*?)^```", PAGE.read_text("utf-8"), re.M | re.S)
    assert "keygen alice.pem --encrypt" in first
    assert len(blocks) >= 6
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    for block in blocks:
        done = subprocess.run(
            ["bash", "-ec", block],
            cwd=tmp_path,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}{done.stderr}"
