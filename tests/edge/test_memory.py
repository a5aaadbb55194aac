"""Memory that stays in RAM, and what happens where a process may not lock any."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import plasma_edge as pe

from .conftest import REACH, SWAP, Signer


def locked_kib() -> int:
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return int(status.split("VmLck:")[1].split()[0])


def test_keeps_what_a_step_needs_in_ram_if_asked(signer: Signer) -> None:
    before = locked_kib()
    kept = pe.Policy.load(signer.base(REACH), trust=signer.public)
    assert locked_kib() == before
    kept = pe.Policy.load(signer.base(REACH), trust=signer.public, lock_memory=True)
    base = locked_kib()
    assert base > before
    kept.attach(signer.adapter(REACH, SWAP), name="swap")
    assert locked_kib() >= base


def test_says_so_when_it_may_not_lock_memory(
    signer: Signer, key_file: Path, tmp_path: Path
) -> None:
    """As somebody without privileges: root may lock what it likes."""
    packet = tmp_path / "reach.plasma"
    packet.write_bytes(signer.base(REACH))
    program = (
        "import os, resource, sys, plasma_edge as pe\n"
        "resource.setrlimit(resource.RLIMIT_MEMLOCK, (0, 0))\n"
        "packet, trust = open(sys.argv[1], 'rb').read(), pe.TrustStore.of(sys.argv[2])\n"
        "try: os.setuid(65534)\n"
        "except OSError: pass  # not root, or root of a container only: the limit holds for these\n"
        "pe.Policy.load(packet, trust=trust, lock_memory=True)\n"
    )
    command = [sys.executable, "-c", program, str(packet), str(key_file)]
    out = subprocess.run(command, capture_output=True, text=True, check=False)
    assert out.returncode == 1
    assert "E_OUT_OF_MEMORY" in out.stderr
    assert "ulimit -l" in out.stderr
