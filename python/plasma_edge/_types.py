"""What a policy tells about itself, as plain records. Imported when first asked."""

from __future__ import annotations

from dataclasses import dataclass

KINDS = {1: "base", 2: "adapter"}


@dataclass(frozen=True)
class Stats:
    """Step times of one policy since it was loaded. Percentiles are right to within 2 %, the maximum is exact."""

    steps: int
    faults: int
    deadline_misses: int
    p50_us: float
    p99_us: float
    p999_us: float
    max_us: float


@dataclass(frozen=True)
class IoInfo:
    """One input or output. `low` and `high` are for people; both 0 means not stated."""

    name: str
    unit: str
    dtype: str
    shape: tuple[int, ...]
    low: float
    high: float
    is_actuator: bool

    def __post_init__(self) -> None:
        object.__setattr__(self, "shape", tuple(self.shape))


@dataclass(frozen=True)
class OpTime:
    """An instruction of the base: its work in cost units (adapters apart), the mean of the middle half of its times."""

    op: str
    cost_units: int
    us: float


@dataclass(frozen=True)
class AdapterInfo:
    """A resident adapter and how strongly it is on (0: skipped)."""

    name: str
    gain: float
    content_digest: bytes


@dataclass(frozen=True)
class PacketInfo:
    """What a verified packet says about itself. Bytes are per policy, `macs` and `cost_units` per tick."""

    kind: str
    content_digest: bytes
    base_digest: bytes
    audit: str
    sequence: int
    not_before: int
    not_after: int
    arena_bytes: int
    state_bytes: int
    const_bytes: int
    macs: int
    cost_units: int
    max_adapters: int
    file_bytes: int
    signers: tuple[bytes, ...]
