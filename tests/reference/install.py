"""Step 5 of FORMAT.md: what a genuine packet is refused for; to install, also times and order (section 9)."""

from __future__ import annotations

from tests.reference.container import ADAPTER, Container, Device, Install, digest, require
from tests.reference.trust import Trust

_MOST_AHEAD = 1 << 20


def check_policy(
    container: Container, trust: Trust, device: Device, base_digest: bytes | None
) -> None:
    """Step 5."""
    header, blobs = container.header, container.digests
    revoked = trust.root.revoked if trust.root else ()
    require(blobs["content_digest"] not in revoked, "E_REVOKED")
    if device.channel is not None:
        name = b"plasma-edge channel v1\0" + device.channel.encode()
        require(blobs["channel_id"] == digest(name)[:16], "E_CHANNEL")
    if device.install is not None:
        _check_times(container, trust, device.install)
        _check_order(container, trust, device.install)
    require(header["min_runtime"] <= device.runtime, "E_RUNTIME_TOO_OLD")
    require(header["opset"] <= device.opset, "E_OPSET")
    require(header["audit_verdict"] >= device.require_audit, "E_AUDIT")
    for name in ("arena_bytes", "state_bytes", "const_bytes"):
        require(header[name] <= device.max_memory_bytes, "E_MEMORY_CAP")
    require(header["cost_units"] <= device.max_cost_units, "E_DEADLINE")
    require(any(blobs["base_digest"]) == (header["kind"] == ADAPTER), "E_BASE_FIELD")
    if header["kind"] == ADAPTER and base_digest is not None:
        require(blobs["base_digest"] == base_digest, "E_BASE_MISMATCH")


def _check_times(container: Container, trust: Trust, install: Install) -> None:
    header, root = container.header, trust.root
    floor = max(install.time_floor, root.issued_at if root else 0)
    now = max(install.now or 0, floor)
    for begin, end in (
        (0, root.expires if root else 0),
        (header["not_before"], header["not_after"]),
    ):
        is_blind = install.now is None
        require(not (is_blind and install.strict_clock and (begin or end)), "E_NO_CLOCK")
        require(is_blind or now >= begin, "E_NOT_YET_VALID")
        require(end == 0 or now < end, "E_EXPIRED")


def _check_order(container: Container, trust: Trust, install: Install) -> None:
    header, channel_id = container.header, container.digests["channel_id"]
    channel = trust.root.channel(channel_id) if trust.root else None
    confirmed = next(
        (
            floor
            for floor in install.floors
            if (floor.kind, floor.channel_id) == (container.kind, channel_id)
        ),
        None,
    )
    if confirmed and channel and confirmed.root_version < channel.reset:
        confirmed = None
    sequences = [channel.sequence_floor if channel else 0, confirmed.sequence if confirmed else 0]
    indices = [
        channel.rollback_floor if channel else 0,
        confirmed.rollback_index if confirmed else 0,
    ]
    sequence = header["sequence"]
    require(header["rollback_index"] >= max(indices), "E_ROLLBACK")
    require(sequence >= max(sequences), "E_STALE_SEQ")
    require(sequence <= max(sequences) + _MOST_AHEAD, "E_SEQUENCE_JUMP")
    if confirmed and confirmed.sequence == sequence:
        is_same = confirmed.content_digest == container.digests["content_digest"]
        require(is_same, "E_STALE_SEQ")
