"""What a policy tells about itself, as plain records. Imported when first asked."""

from __future__ import annotations

from dataclasses import dataclass

from plasma_edge._errors import UsageError

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
    channel_id: bytes
    sequence: int
    rollback_index: int
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


@dataclass(frozen=True)
class RootKey:
    """A key of a trust root, and the kinds of packet it may sign: base, adapter, root."""

    name: str
    raw: bytes
    roles: tuple[str, ...]


@dataclass(frozen=True)
class RootChannel:
    """A channel of a trust root. `keys`: indices of those that may sign in it. Floors confirmed under an older root
    than version `reset` are forgotten."""

    name: str
    keys: tuple[int, ...]
    sequence_floor: int
    rollback_floor: int
    reset: int


@dataclass(frozen=True)
class RootInfo:
    """What a verified trust root says. Times are Unix seconds; `thresholds` by kind; no channels: every channel."""

    version: int
    issued_at: int
    expires: int
    content_digest: bytes
    thresholds: dict[str, int]
    keys: tuple[RootKey, ...]
    channels: tuple[RootChannel, ...]
    revoked: tuple[bytes, ...]


@dataclass(frozen=True)
class Floor:
    """What a device confirmed last of one kind ("base" or "adapter") in one channel, and under which version of the
    root (0: a list of keys)."""

    channel_id: bytes
    kind: str
    sequence: int
    rollback_index: int
    content_digest: bytes
    root_version: int = 0

    @classmethod
    def of(cls, packet: PacketInfo, root_version: int = 0) -> Floor:
        """The floor that a device has once it has confirmed this packet."""
        return cls(
            packet.channel_id,
            packet.kind,
            packet.sequence,
            packet.rollback_index,
            packet.content_digest,
            root_version,
        )

    def __post_init__(self) -> None:
        if self.kind not in KINDS.values():
            raise UsageError(
                f"kind: found {self.kind!r}, expected one of {', '.join(KINDS.values())}"
            )
        for name, size in (("channel_id", 16), ("content_digest", 32)):
            if len(getattr(self, name)) != size:
                raise UsageError(f"{name}: found {len(getattr(self, name))} bytes, expected {size}")
        _check_bits(self, sequence=64, rollback_index=32, root_version=32)


@dataclass(frozen=True)
class Device:
    """A device that wants to install, for verify(..., device=). `now`: Unix seconds of a synchronised clock, None
    without one; `time_floor`: it is not earlier than that; `strict_clock`: without a clock refuse what states times.
    """

    now: int | None = None
    time_floor: int = 0
    strict_clock: bool = False
    floors: tuple[Floor, ...] = ()

    def __post_init__(self) -> None:
        _check_bits(self, time_floor=64, **({} if self.now is None else {"now": 64}))


def _check_bits(record: object, **fields: int) -> None:
    for name, bits in fields.items():
        value = getattr(record, name)
        if not 0 <= value < 1 << bits:
            raise UsageError(f"{name}: found {value}, expected 0 to 2^{bits} - 1")
