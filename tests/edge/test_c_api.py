"""The C door: installed, found by find_package, and giving the same bits as Python."""

from __future__ import annotations

import subprocess
import sysconfig
from pathlib import Path

import numpy as np
import pytest

import plasma_edge as pe

from .conftest import REACH, SWAP, Signer

ROOT = Path(__file__).parents[2]
RECIPE = ROOT / "contrib/recipes/c_robot"


@pytest.fixture(scope="module")
def robot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The recipe's program, built against a fresh install of the library."""
    work = tmp_path_factory.mktemp("c_robot")
    tools = Path(sysconfig.get_path("scripts"))
    generator = ["-G", "Ninja", f"-DCMAKE_MAKE_PROGRAM={tools / 'ninja'}"]

    def cmake(*args: object) -> None:
        subprocess.run([tools / "cmake", *map(str, args)], check=True, capture_output=True)

    cmake(
        "-S", ROOT, "-B", work / "library", *generator, f"-DCMAKE_INSTALL_PREFIX={work / 'prefix'}"
    )
    cmake("--build", work / "library", "--target", "install")
    cmake("-S", RECIPE, "-B", work / "robot", *generator, f"-DCMAKE_PREFIX_PATH={work / 'prefix'}")
    cmake("--build", work / "robot")
    return work / "robot/robot"


def _files(signer: Signer, folder: Path) -> tuple[Path, Path, Path]:
    base, adapter, key = folder / "base.plasma", folder / "swap.plasma", folder / "key.raw"
    base.write_bytes(signer.base(REACH))
    adapter.write_bytes(signer.adapter(REACH, SWAP))
    key.write_bytes(signer.public.raw)
    return base, adapter, key


def test_c_and_python_give_the_same_actions(robot: Path, signer: Signer, tmp_path: Path) -> None:
    base, adapter, key = _files(signer, tmp_path)
    observations = np.random.default_rng(3).uniform(-1, 1, (100, 4)).astype(np.float32)
    lines = "\n".join(" ".join(f"{value:.9g}" for value in obs) for obs in observations)
    flown = subprocess.run(
        [robot, base, key, adapter], input=lines, capture_output=True, text=True, check=True
    )
    from_c = np.array([line.split() for line in flown.stdout.splitlines()], np.float32)
    policy = pe.Policy.load(base, trust=signer.public)
    policy.attach(adapter)
    np.testing.assert_array_equal(from_c, np.array([policy(obs) for obs in observations]))


def test_c_refuses_a_damaged_packet_with_a_reason(
    robot: Path, signer: Signer, tmp_path: Path
) -> None:
    base, _, key = _files(signer, tmp_path)
    damaged = bytearray(base.read_bytes())
    damaged[300] ^= 1
    base.write_bytes(damaged)
    flown = subprocess.run([robot, base, key], input="", capture_output=True, text=True)
    assert flown.returncode == 1
    assert "E_SIG_BAD" in flown.stderr or "E_SIG_UNKNOWN_KEY" in flown.stderr
