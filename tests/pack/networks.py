"""Small policies in torch, and their way to ONNX through either exporter."""

from __future__ import annotations

import contextlib
import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import plasma_edge as pe

EXPORTERS = pytest.mark.parametrize("dynamo", [False, True], ids=["torchscript", "dynamo"])
Function = Callable[[torch.Tensor], torch.Tensor]


class Only(nn.Module):
    """obs [B, n] → function(obs)."""

    def __init__(self, function: Function) -> None:
        super().__init__()
        self.function = function

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return self.function(obs)


class Mlp(nn.Module):
    """obs [B, 4] → tanh action [B, 2]."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        return torch.tanh(self.net(obs))


class Everything(nn.Module):
    """Every operator of an MLP in one network, with normalised observations and a residual."""

    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.first = nn.Linear(4, 8, bias=bias)
        self.hidden = nn.Sequential(nn.Linear(8, 8, bias=bias), nn.LayerNorm(8), nn.ELU())
        self.tail = nn.Sequential(nn.Linear(16, 8), nn.LeakyReLU(0.2), nn.Linear(8, 3))
        self.register_buffer("mean", torch.randn(4))
        self.register_buffer("std", torch.rand(4) + 0.5)

    def forward(self, obs: torch.Tensor) -> torch.Tensor:
        x = ((obs - self.mean) / self.std).clamp(-5, 5)
        x = nn.functional.silu(self.first(x))
        y = self.hidden(x) + x
        z = torch.sigmoid(y) * torch.relu(x) - x
        return torch.tanh(self.tail(torch.cat([y, z], dim=-1))) * 2 + 0.5


class Recurrent(nn.Module):
    """obs [B, 4], h [layers, B, 5] → action, h'."""

    def __init__(self, layers: int = 1, batch_first: bool = False, discrete: bool = False) -> None:
        super().__init__()
        self.encoder = nn.Linear(4, 6)
        self.gru = nn.GRU(6, 5, num_layers=layers, batch_first=batch_first)
        self.head = nn.Linear(5, 3)
        self.time_axis = 1 if batch_first else 0
        self.discrete = discrete

    def forward(self, obs: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        x = torch.relu(self.encoder(obs)).unsqueeze(self.time_axis)
        y, h = self.gru(x, h)
        logits = self.head(y.squeeze(self.time_axis))
        return (logits.argmax(-1) if self.discrete else torch.tanh(logits)), h


class Cell(nn.Module):
    """The same with torch.nn.GRUCell, which exports as additions and products."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.GRUCell(4, 5)
        self.head = nn.Linear(5, 2)

    def forward(self, obs: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        h = self.cell(obs, h)
        return torch.tanh(self.head(h)), h


class Lstm(nn.Module):
    """obs [B, 4], h and c [layers, B, 5] → action, h', c'."""

    def __init__(self, layers: int = 1, bias: bool = True) -> None:
        super().__init__()
        self.lstm = nn.LSTM(4, 5, num_layers=layers, bias=bias)
        self.head = nn.Linear(5, 3)

    def forward(
        self, obs: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        y, (h, c) = self.lstm(obs.unsqueeze(0), (h, c))
        return torch.tanh(self.head(y.squeeze(0))), h, c


class LstmCell(nn.Module):
    """A world model's memory: z and a [B, 4] → h from an LSTMCell, and the action over (z, h)."""

    def __init__(self, width: int = 4, hidden: int = 5) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(width, hidden)
        self.head = nn.Linear(width + hidden, 3)

    def forward(
        self, obs: torch.Tensor, h: torch.Tensor, c: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        h, c = self.cell(obs, (h, c))
        return torch.tanh(self.head(torch.cat([obs, h], dim=-1))), h, c


class Elman(nn.Module):
    """obs [B, 4], h [layers, B, 5] → action, h', with torch.nn.RNN."""

    def __init__(self, nonlinearity: str = "tanh", layers: int = 1) -> None:
        super().__init__()
        self.rnn = nn.RNN(4, 5, num_layers=layers, nonlinearity=nonlinearity)
        self.head = nn.Linear(5, 3)

    def forward(self, obs: torch.Tensor, h: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y, h = self.rnn(obs.unsqueeze(0), h)
        return torch.tanh(self.head(y.squeeze(0))), h


def export(
    module: nn.Module,
    args: tuple[torch.Tensor, ...],
    path: Path,
    *,
    dynamo: bool = False,
    **options: Any,
) -> Path:
    """Write ONNX with inputs obs (, h (, c)) and outputs action (, h_next (, c_next))."""
    names = {
        "input_names": ["obs", "h", "c"][: len(args)],
        "output_names": ["action", "h_next", "c_next"][: len(args)],
    }
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        torch.onnx.export(module.eval(), args, str(path), dynamo=dynamo, **(names | options))
    return path


def observations(count: int, width: int = 4, seed: int = 7) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((count, width)).astype(np.float32)


def torch_actions(module: nn.Module, obs: np.ndarray) -> np.ndarray:
    """Actions of a feed-forward module. obs: [N, n]."""
    with torch.no_grad():
        return module(torch.from_numpy(obs)).numpy()


def torch_rollout(module: nn.Module, obs: np.ndarray, *states: torch.Tensor) -> np.ndarray:
    """Actions of a recurrent module, tick after tick from these states."""
    actions = []
    with torch.no_grad():
        for row in obs:
            action, *states = module(torch.from_numpy(row[None]), *states)  # type: ignore[assignment]
            actions.append(action[0].numpy())
    return np.stack(actions)


def fly(packet: bytes, trust: bytes, obs: np.ndarray) -> np.ndarray:
    """Actions of a packet, tick after tick from reset."""
    policy = pe.Policy.load(packet, trust=trust)
    return np.stack([np.array(policy(row)) for row in obs])
