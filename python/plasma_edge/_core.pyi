"""Types of the compiled module; tests/edge/test_public_api.py holds it against the real one."""

import os
from collections.abc import Mapping
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import ArrayLike, NDArray

from plasma_edge._types import AdapterInfo, IoInfo, PacketInfo, Stats

Packet: TypeAlias = str | os.PathLike[str] | bytes
Obs: TypeAlias = ArrayLike | Mapping[str, ArrayLike]
# An array, an int, or a dict of these by name: what the packet's outputs say.
Action: TypeAlias = Any

OPCODES: list[dict[str, Any]]
STATUS: list[dict[str, Any]]
VERSION: tuple[int, int, int]

class Policy:
    @staticmethod
    def load(
        packet: Packet,
        *,
        trust: object,
        channel: str | None = None,
        deadline_us: float = 0.0,
        require_audit: str | None = None,
        kernels: str | None = None,
        max_memory_bytes: int | None = None,
        max_cost_units: int | None = None,
    ) -> Policy: ...
    def __call__(self, obs: Obs, /) -> Action: ...
    def step(self, obs: Obs, out: NDArray[np.generic] | None = None) -> Action: ...
    def step_batch(self, obs: Obs, *, starts: ArrayLike | None = None) -> Action: ...
    def attach(self, packet: Packet, *, name: str | None = None, gain: float = 1.0) -> None: ...
    def detach(self, name: str) -> None: ...
    def set_gains(self, gains: Mapping[str, float]) -> None: ...
    def reset(self) -> None: ...
    @property
    def stats(self) -> Stats: ...
    @property
    def info(self) -> PacketInfo: ...
    @property
    def adapters(self) -> tuple[AdapterInfo, ...]: ...
    @property
    def inputs(self) -> tuple[IoInfo, ...]: ...
    @property
    def outputs(self) -> tuple[IoInfo, ...]: ...
    @property
    def kernels(self) -> str: ...

def verify(
    packet: Packet,
    *,
    trust: object,
    base: Packet | None = None,
    channel: str | None = None,
    require_audit: str | None = None,
) -> PacketInfo: ...
def certify(sections: Mapping[int, bytes]) -> dict[str, int]: ...
def certify_adapter(
    base_sections: Mapping[int, bytes], adapter_sections: Mapping[int, bytes]
) -> dict[str, int]: ...
def check_public_key(raw: bytes) -> None: ...
def signer_id(raw: bytes) -> bytes: ...
def kernel_tables() -> tuple[str, ...]: ...
