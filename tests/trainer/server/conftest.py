# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from plasma_pack import build, keygen
from tests.trainer.server.postgres import cluster

PROGRAM = """
input obs f32[2]
output act f32[2] actuator low -1 high 1 safe 0
const w i8[2,2] scale s = {weight} 0 0 127
const s f32[2] = 0.0078740157
linear act, obs, w
"""


@pytest.fixture(scope="session")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """release.pem and mallory.pem, with their public halves."""
    folder = tmp_path_factory.mktemp("keys")
    for name in ("release", "mallory"):
        keygen(folder / f"{name}.pem")
    return folder


@pytest.fixture(scope="session")
def packet(keys: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """A packet that release.pem signed."""
    source = tmp_path_factory.mktemp("source") / "policy.pasm"
    source.write_text(PROGRAM.format(weight=7))
    return build(source, key=keys / "release.pem").data


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a real server; see postgres.new_database."""
    with cluster() as url:
        yield url
