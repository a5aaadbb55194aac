"""A throw-away key, and networks as torch exports them, for the tests of plasma_pack."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings

from plasma_pack.packet.keys import public_bytes, save_private
from tests.pack import networks

# A loaded machine is slow, not wrong.
settings.register_profile("no_deadline", deadline=None)
settings.load_profile("no_deadline")


@pytest.fixture(scope="session")
def key() -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@pytest.fixture(scope="session")
def trust(key: Ed25519PrivateKey) -> bytes:
    return public_bytes(key)


@pytest.fixture
def key_file(key: Ed25519PrivateKey, tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    save_private(key, path)
    return path


@pytest.fixture(scope="session")
def mlp_onnx(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A squashed MLP 4 → 8 → 2 whose layers are net.0 and net.2."""
    path = tmp_path_factory.mktemp("mlp") / "mlp.onnx"
    torch.manual_seed(0)
    return networks.export(networks.Mlp(), (torch.zeros(1, 4),), path)
