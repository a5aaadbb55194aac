# SPDX-License-Identifier: Apache-2.0
"""Make, sign and look into packets.

>>> import plasma_pack as pp
>>> pp.keygen("keys/release.pem")
>>> pp.build("walker.onnx", key="keys/release.pem", out="walker.plasma")
>>> pp.build_adapter("walker.plasma", "runs/icy", key="keys/release.pem", out="icy.plasma")

Never on the robot: what signs has no business there. `plasma_edge` runs what this package makes.
"""

from __future__ import annotations

from plasma_pack.adapter_packet import build_adapter
from plasma_pack.base_packet import build
from plasma_pack.errors import (
    AdapterError,
    AssemblyError,
    KeyFileError,
    LimitsError,
    OptionError,
    PackError,
    RootError,
    SourceError,
)
from plasma_pack.packet.keys import keygen, load_private, load_public
from plasma_pack.packet.packet import Packet
from plasma_pack.packet.reader import OpenPacket, open_packet
from plasma_pack.packet.root import TrustRoot
from plasma_pack.packet.signing import attach, cosign, dsse_envelope, prepare
from plasma_pack.pasm.assembler import Assembly, assemble
from plasma_pack.pasm.disassembler import disassemble, disassemble_adapter

__all__ = [
    "AdapterError",
    "Assembly",
    "AssemblyError",
    "KeyFileError",
    "LimitsError",
    "OpenPacket",
    "OptionError",
    "PackError",
    "Packet",
    "RootError",
    "SourceError",
    "TrustRoot",
    "assemble",
    "attach",
    "build",
    "build_adapter",
    "cosign",
    "disassemble",
    "disassemble_adapter",
    "dsse_envelope",
    "keygen",
    "load_private",
    "load_public",
    "open_packet",
    "prepare",
]
