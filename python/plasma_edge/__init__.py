"""Run signed policies on a robot: verify once, then step in microseconds.

>>> import plasma_edge as pe
>>> policy = pe.Policy.load("walker.plasma", trust="release.pub")
>>> action = policy(obs)
>>> policy.attach("icy.plasma", name="icy")
"""

from __future__ import annotations

from plasma_edge._core import VERSION as _VERSION
from plasma_edge._core import Policy, kernel_tables, verify
from plasma_edge._errors import (
    PacketError,
    PlasmaError,
    PolicyRefusal,
    ProgramError,
    SignatureError,
    UsageError,
)
from plasma_edge._trust import PublicKey, TrustStore
from plasma_edge._types import AdapterInfo, IoInfo, PacketInfo, Stats

__version__ = ".".join(str(part) for part in _VERSION)

__all__ = [
    "AdapterInfo",
    "IoInfo",
    "PacketError",
    "PacketInfo",
    "PlasmaError",
    "Policy",
    "PolicyRefusal",
    "ProgramError",
    "PublicKey",
    "SignatureError",
    "Stats",
    "TrustStore",
    "UsageError",
    "kernel_tables",
    "verify",
]
