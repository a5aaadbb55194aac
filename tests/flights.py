"""Packets, observations, and the actions of this machine on them: what another CPU must repeat, bit for bit.

`python -m tests.flights OUT` writes OUT/key.raw and for each flight a folder with base.plasma, perhaps adapter.plasma,
observations.txt and actions.txt, the texts that contrib/recipes/c_robot reads and prints. scripts/check_aarch64.sh and
fly_again.py repeat them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from safetensors.numpy import save_file
from torch import nn

import plasma_edge as pe
import plasma_pack
from plasma_pack.packet.keys import public_bytes
from tests.fly_again import actions, text
from tests.pack import networks

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
TICKS = 500
WIDTH = 19  # of the observations; every width here leaves a tail, whatever the width of a register


class Recurrent(nn.Module):
    """obs [B, 19], h [1, B, 75] → action [B, 5], h'."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder = nn.Linear(WIDTH, 45)
        self.gru = nn.GRU(45, 75)
        self.head = nn.Linear(75, 5)

    def forward(self, obs: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, h = self.gru(torch.relu(self.encoder(obs)).unsqueeze(0), h)
        return torch.tanh(self.head(y.squeeze(0))), h


class Mlp(nn.Module):
    """obs [B, 19] → action [B, 7]."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Linear(WIDTH, 250), nn.LayerNorm(250), nn.SiLU(), nn.Linear(250, 133), nn.ELU()
        )
        self.head = nn.Linear(133, 7)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.head(self.net(obs))) * 2 + 0.5


def lora(folder: Path, rank: int = 6) -> Path:
    """An adapter for Mlp's hidden layer and head, as PEFT saves one."""
    rng = np.random.default_rng(1)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": 2 * rank, "bias": "none"}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    tensors = {}
    for module, rows, cols in [("net.3", 133, 250), ("head", 7, 133)]:
        for part, shape in [("lora_A", (rank, cols)), ("lora_B", (rows, rank))]:
            values = rng.normal(0, 0.1, shape).astype(np.float32)
            tensors[f"base_model.model.{module}.{part}.weight"] = values
    save_file(tensors, folder / "adapter_model.safetensors")
    return folder


def observations() -> np.ndarray:
    """[TICKS, 19] of every size, with a sensor that fails once: that tick is the safe action."""
    rng = np.random.default_rng(0)
    sizes = 10.0 ** rng.integers(-6, 3, (TICKS, 1))
    obs = (rng.standard_normal((TICKS, WIDTH)) * sizes).astype(np.float32)
    obs[TICKS // 2, 3] = np.nan
    return obs


def write_packets(out: Path, work: Path) -> list[Path]:
    """Three folders in out: a network without memory, one with, and an adapter on the first."""
    torch.manual_seed(0)
    one = torch.zeros(1, WIDTH)
    mlp = networks.export(Mlp(), (one,), work / "mlp.onnx")
    gru = networks.export(Recurrent(), (one, torch.zeros(1, 1, 75)), work / "gru.onnx")
    folders = [out / "mlp", out / "gru", out / "adapter"]
    for folder, source in zip(folders, [mlp, gru, mlp], strict=True):
        folder.mkdir()
        plasma_pack.build(source, key=KEY, out=folder / "base.plasma")
    plasma_pack.build_adapter(
        folders[-1] / "base.plasma", lora(work), key=KEY, out=folders[-1] / "adapter.plasma"
    )
    return folders


def main(out: Path) -> None:
    out.mkdir(parents=True)
    (out / "key.raw").write_bytes(public_bytes(KEY))
    obs = observations()
    with TemporaryDirectory() as work:
        folders = write_packets(out, Path(work))
    for folder in folders:
        (folder / "observations.txt").write_text(text(list(obs)))
        flown = {table: actions(folder, table) for table in pe.kernel_tables()}
        assert len(set(flown.values())) == 1, f"{folder.name}: the tables of this machine differ"
        (folder / "actions.txt").write_text(flown["scalar"])


if __name__ == "__main__":
    main(Path(sys.argv[1]))
