# SPDX-License-Identifier: Apache-2.0
"""Makes the files of the nets: random weights from a fixed seed, ONNX, and what torch computes in fp32.

python -m benchmarks.bench.nets A B
"""

from __future__ import annotations

import json
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn.functional import linear

from .catalog import ADAPTERS, NETS, OBSERVATIONS, RANK, Array, Net

SEED = 0


class Mlp(nn.Module):
    """obs [B, n] → action [B, m]."""

    def __init__(self, sizes: tuple[int, ...], activation: type[nn.Module]) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs in zip(sizes, sizes[1:], strict=False):
            layers += [nn.Linear(inputs, outputs), activation()]
        self.net = nn.Sequential(*layers[:-1])

    def forward(self, obs: Tensor) -> Tensor:
        action: Tensor = self.net(obs)
        return action


class Adapted(nn.Module):
    """An Mlp whose layers compute W x + b + B (A x); the adapter comes with the call.

    transposed: A is [in, rank] and B [rank, out], else [rank, in] and [out, rank] as LoRA has it. Each runtime gets
    the form that it need not transpose at every call.
    """

    def __init__(self, base: Mlp, transposed: bool) -> None:
        super().__init__()
        self.net = base.net
        self.transposed = transposed

    def forward(self, obs: Tensor, *adapter: Tensor) -> Tensor:
        x = obs
        pairs = iter(zip(adapter[::2], adapter[1::2], strict=True))
        for layer in self.net:
            if isinstance(layer, nn.Linear):
                a, b = next(pairs)
                delta = x @ a @ b if self.transposed else linear(linear(x, a), b)
                x = layer(x) + delta
            else:
                x = layer(x)
        return x


class Gru(nn.Module):
    """obs [1, 64], h [1, 1, 256] → action [1, 8], h'."""

    def __init__(self) -> None:
        super().__init__()
        self.gru = nn.GRU(64, 256)
        self.head = nn.Linear(256, 8)

    def forward(self, obs: Tensor, h: Tensor) -> tuple[Tensor, Tensor]:
        y, h = self.gru(obs.unsqueeze(0), h)
        return self.head(y.squeeze(0)), h


class Controller(nn.Module):
    """obs = (z, a) [1, 35], h and c [1, 1, 256] → action [1, 3] from (z, h'), h', c' (World Models)."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(35, 256)
        self.head = nn.Linear(32 + 256, 3)

    def forward(self, obs: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        y, (h, c) = self.lstm(obs.unsqueeze(0), (h, c))
        return self.head(torch.cat([obs[:, :32], y.squeeze(0)], dim=1)), h, c


def nature_cnn() -> nn.Module:
    """Mnih et al., 2015. obs [B, 4, 84, 84] → action [B, 6]."""
    return nn.Sequential(
        nn.Conv2d(4, 32, 8, 4),
        nn.ReLU(),
        nn.Conv2d(32, 64, 4, 2),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, 1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(3136, 512),
        nn.ReLU(),
        nn.Linear(512, 6),
    )


def vae_encoder() -> nn.Module:
    """V of World Models, its mean. obs [B, 3, 64, 64] → latent z [B, 32]."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 32), (32, 64), (64, 128), (128, 256)):
        layers += [nn.Conv2d(inputs, outputs, 4, 2), nn.ReLU()]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1024, 32))


class Block(nn.Module):
    """Pre-norm attention and feed-forward. x [B, T, D]."""

    def __init__(self, width: int, heads: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.up, self.down = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        batch, tokens, width = x.shape
        qkv = self.qkv(self.norm1(x)).reshape(batch, tokens, 3, self.heads, width // self.heads)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # [B, heads, T, D / heads] each
        scores = q @ k.transpose(-1, -2) * (width // self.heads) ** -0.5
        mixed = (scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, width)
        attended: Tensor = x + self.out(mixed)
        hidden: Tensor = self.down(torch.relu(self.up(self.norm2(attended))))
        return attended + hidden


class Transformer(nn.Module):
    """obs [B, 16, 128] → action [B, 8] from the last token; no mask."""

    def __init__(self) -> None:
        super().__init__()
        self.blocks = nn.Sequential(Block(128, 4, 512), Block(128, 4, 512))
        self.norm = nn.LayerNorm(128)
        self.head = nn.Linear(128, 8)

    def forward(self, obs: Tensor) -> Tensor:
        action: Tensor = self.head(self.norm(self.blocks(obs)[:, -1]))
        return action


MODULES: dict[str, Callable[[], nn.Module]] = {
    "A": lambda: Mlp((17, 64, 64, 6), nn.Tanh),
    "B": lambda: Mlp((64, 256, 256, 8), nn.ReLU),
    "C": lambda: Mlp((376, 512, 512, 512, 17), nn.ReLU),
    "D": Gru,
    "E": Controller,
    "F": nature_cnn,
    "G": vae_encoder,
    "H": Transformer,
    "I": lambda: Mlp((64, 256, 256, 8), nn.ReLU),
}


def module(net: Net, transposed: bool = True) -> nn.Module:
    """The net as torch runs it: with its adapter as inputs where it has one."""
    torch.manual_seed(SEED)
    made: nn.Module = MODULES[net.letter]()
    if isinstance(made, Mlp) and net.has_adapters:
        made = Adapted(made, transposed)
    return made.eval().requires_grad_(False)


def inputs(net: Net, transposed: bool = True) -> tuple[Tensor, ...]:
    """Arguments of the first call: obs [1, …], then zero states or the first adapter."""
    obs = torch.zeros(1, *net.obs)
    states = [torch.zeros(1, 1, net.hidden) for _ in net.states]
    return obs, *states, *(adapter_tensors(net.adapters[0], transposed) if net.has_adapters else ())


def adapter_tensors(adapter: Mapping[str, Array], transposed: bool) -> list[Tensor]:
    matrices = [torch.from_numpy(matrix) for matrix in adapter.values()]
    return [matrix.T.contiguous() for matrix in matrices] if transposed else matrices


def input_names(net: Net) -> list[str]:
    return ["obs", *net.states, *(net.adapters[0] if net.has_adapters else ())]


def output_names(net: Net) -> list[str]:
    return ["action", *net.states.values()]


def write(net: Net) -> None:
    """All files of a net; the reference comes last and says that they are complete."""
    net.folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(SEED)
    if net.has_adapters:
        _write_adapters(net, rng)
    made = module(net)
    obs, calibration = _observations(net, rng), _observations(net, rng)
    weights = {name: value.numpy() for name, value in made.state_dict().items()}
    np.savez(net.folder / "weights.npz", **weights)
    if isinstance(made, Adapted):
        _export(made, inputs(net), net.adapted_onnx, input_names(net), output_names(net))
        base = MODULES[net.letter]()
        base.load_state_dict(made.state_dict())
        _export(base, inputs(net)[:1], net.onnx, ["obs"], ["action"])
    else:
        _export(made, inputs(net), net.onnx, input_names(net), output_names(net))
    np.savez(
        net.folder / "reference.npz",
        obs=obs,
        action=_actions(net, made, obs),
        calibration=calibration,
    )


def _observations(net: Net, rng: np.random.Generator) -> Array:
    """Pixels in [0, 1], anything else standard normal."""
    shape = (OBSERVATIONS, *net.obs)
    return (rng.random(shape) if net.is_image else rng.standard_normal(shape)).astype(np.float32)


def _export(
    made: nn.Module, args: tuple[Tensor, ...], path: Path, taken: list[str], given: list[str]
) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            made, args, str(path), input_names=taken, output_names=given, dynamo=False
        )


def _actions(net: Net, made: nn.Module, obs: Array) -> Array:
    actions = []
    args = inputs(net)
    for index, row in enumerate(obs):
        if net.has_adapters:
            args = (args[0], *adapter_tensors(net.adapters[index % ADAPTERS], transposed=True))
        results = made(torch.from_numpy(row)[None], *args[1:])
        action, states = (results[0], results[1:]) if net.states else (results, args[1:])
        args = (args[0], *states)
        actions.append(action[0].numpy())
    return np.stack(actions)


def _write_adapters(net: Net, rng: np.random.Generator) -> None:
    """As arrays for the peers, and as PEFT saves them for the packer; alpha is the rank, so the scale is 1."""
    layers = [(n, m) for n, m in MODULES[net.letter]().named_modules() if isinstance(m, nn.Linear)]
    stacked: dict[str, Any] = {}
    for index, (_, layer) in enumerate(layers):
        a = rng.standard_normal((ADAPTERS, RANK, layer.in_features)) / layer.in_features**0.5
        b = rng.standard_normal((ADAPTERS, layer.out_features, RANK)) * 0.3 / RANK**0.5
        stacked |= {f"a{index}": a.astype(np.float32), f"b{index}": b.astype(np.float32)}
    np.savez(net.folder / "adapters.npz", **stacked)
    for number in range(ADAPTERS):
        matrices = {name: torch.from_numpy(values[number]) for name, values in stacked.items()}
        named = [
            (f"base_model.model.{name}.lora_{part}.weight", matrices[f"{part.lower()}{index}"])
            for index, (name, _) in enumerate(layers)
            for part in "AB"
        ]
        write_peft(net.folder / "peft" / str(number), dict(named), RANK)


def write_peft(folder: Path, tensors: dict[str, Tensor], rank: int) -> None:
    """The two files of save_pretrained that say what a LoRA adapter computes."""
    folder.mkdir(parents=True, exist_ok=True)
    config = {"peft_type": "LORA", "r": rank, "lora_alpha": rank}
    (folder / "adapter_config.json").write_text(json.dumps(config))
    save_file(tensors, folder / "adapter_model.safetensors")


def main() -> None:
    torch.set_num_threads(1)
    for letter in sys.argv[1:]:
        if not (NETS[letter].folder / "reference.npz").exists():
            write(NETS[letter])


if __name__ == "__main__":
    main()
