# SPDX-License-Identifier: Apache-2.0
"""The nine nets: what they take and give, and where their files lie. `nets` makes the files, with torch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[np.float32]

ROOT = Path(__file__).parents[2]
OBSERVATIONS = 64
ADAPTERS = 16
RANK = 8


@dataclass(frozen=True)
class Reference:
    """What torch computes in fp32, one call after the other, state carried and adapters in turn."""

    obs: Array  # [64, *net.obs]
    action: Array  # [64, n]
    calibration: Array  # [64, *net.obs], other observations, for peers that quantise from examples


@dataclass(frozen=True)
class Net:
    """One of the nine. In ONNX: inputs obs [1, *obs] and states, outputs action [1, n] and next states."""

    letter: str
    title: str
    shape: str
    obs: tuple[int, ...]
    # Input of each recurrent state, and the output that feeds it at the next call; all are [1, 1, hidden].
    states: Mapping[str, str] = field(default_factory=dict)
    hidden: int = 0
    # Every layer has a LoRA adapter; ADAPTERS of them take turns, one a call.
    has_adapters: bool = False

    @property
    def is_image(self) -> bool:
        return len(self.obs) == 3

    def batched(self, obs: Array) -> Array:
        """obs [1, *net.obs], as the ONNX of the net takes it."""
        return np.ascontiguousarray(obs[None])

    def channels_last(self, obs: Array) -> Array:
        """The same, images [1, height, width, channels]."""
        return np.ascontiguousarray(np.moveaxis(obs, 0, -1)[None] if self.is_image else obs[None])

    @property
    def folder(self) -> Path:
        return cache_folder() / self.letter

    @property
    def onnx(self) -> Path:
        """The net; of a net with adapters, the base alone."""
        return self.folder / "net.onnx"

    @property
    def adapted_onnx(self) -> Path:
        """A net with adapters, with matrices a0, b0, a1, … of the adapter as inputs after obs."""
        return self.folder / "adapted.onnx"

    @cached_property
    def reference(self) -> Reference:
        with np.load(self.folder / "reference.npz") as arrays:
            return Reference(**arrays)

    @cached_property
    def weights(self) -> dict[str, Array]:
        """Parameters by their torch names."""
        with np.load(self.folder / "weights.npz") as arrays:
            return dict(arrays)

    @cached_property
    def adapters(self) -> list[dict[str, Array]]:
        """For each adapter {'a0': [rank, in], 'b0': [out, rank], 'a1': …}; the scale is in b."""
        if not self.has_adapters:
            return []
        with np.load(self.folder / "adapters.npz") as arrays:
            stacked = dict(arrays)
        return [{name: stacked[name][index] for name in stacked} for index in range(ADAPTERS)]


def cache_folder() -> Path:
    """Changes with nets.py, so that files of other nets are never measured."""
    source = Path(__file__).with_name("nets.py").read_bytes()
    return ROOT / "build" / "bench-nets" / hashlib.sha256(source).hexdigest()[:12]


NETS = {
    net.letter: net
    for net in (
        Net("A", "mlp_tiny", "17→64→64→6, tanh", (17,)),
        Net("B", "mlp_small", "64→256→256→8, ReLU", (64,)),
        Net("C", "mlp_large", "376→512→512→512→17, ReLU", (376,)),
        Net("D", "gru", "64→GRU 256→8", (64,), {"h": "h_next"}, 256),
        Net(
            "E",
            "lstm_ctrl",
            "z 32 + a 3→LSTM 256, then (z, h)→3",
            (35,),
            {"h": "h_next", "c": "c_next"},
            256,
        ),
        Net("F", "nature_cnn", "4×84×84→conv 32 8/4→64 4/2→64 3/1→512→6", (4, 84, 84)),
        Net("G", "vae_enc", "3×64×64→conv 4/2: 32, 64, 128, 256→32", (3, 64, 64)),
        Net("H", "transformer", "16 tokens × 128, 2 layers, 4 heads, ffn 512→8", (16, 128)),
        Net("I", "mlp_lora", "B, rank 8 on every layer, 16 in turn", (64,), has_adapters=True),
    )
}
