"""Run signed policies on a robot: verify once, then step in microseconds.

>>> import plasma_edge as pe
>>> policy = pe.Policy.load("walker.plasma", trust="release.pub")
>>> action = policy(obs)
>>> policy.attach("icy.plasma", name="icy")
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from plasma_edge._core import VERSION as _VERSION
from plasma_edge._core import Policy, kernel_tables, verify, verify_root
from plasma_edge._errors import (
    PacketError,
    PlasmaError,
    PolicyRefusal,
    ProgramError,
    SignatureError,
    UsageError,
)
from plasma_edge._trust import PublicKey, TrustStore

if TYPE_CHECKING:
    from plasma_edge._gated import Gated, gain_name
    from plasma_edge._types import (
        AdapterInfo,
        Device,
        Floor,
        IoInfo,
        OpTime,
        PacketInfo,
        RootChannel,
        RootInfo,
        RootKey,
        Stats,
    )

__version__ = ".".join(str(part) for part in _VERSION)

__all__ = [
    "AdapterInfo",
    "Device",
    "Floor",
    "Gated",
    "IoInfo",
    "OpTime",
    "PacketError",
    "PacketInfo",
    "PlasmaError",
    "Policy",
    "PolicyRefusal",
    "ProgramError",
    "PublicKey",
    "RootChannel",
    "RootInfo",
    "RootKey",
    "SignatureError",
    "Stats",
    "TrustStore",
    "UsageError",
    "gain_name",
    "kernel_tables",
    "verify",
    "verify_root",
]


def __getattr__(name: str) -> object:
    """The records, and what not every robot needs: making dataclasses would take one longer than loading its policy."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from plasma_edge import _gated, _types

    return getattr(_gated if name in ("Gated", "gain_name") else _types, name)


def __dir__() -> list[str]:
    return sorted(__all__)
