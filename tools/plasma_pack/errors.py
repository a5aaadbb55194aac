# SPDX-License-Identifier: Apache-2.0
"""What can go wrong before a packet exists.

    plasma_edge.PlasmaError
    ├── PacketError            not a well-formed packet (the runtime's codes: E_MAGIC, ...)
    └── UsageError(ValueError)
        └── PackError          something given to plasma_pack cannot be packed
            ├── SourceError    the policy to compile                   E_PACK_SOURCE
            ├── AssemblyError  text of a program                       E_PACK_TEXT
            ├── AdapterError   a PEFT directory, against its base      E_PACK_ADAPTER
            ├── LimitsError    action limits, safe action              E_PACK_LIMITS
            ├── KeyFileError   a key file                              E_PACK_KEY
            ├── RootError      a trust root that no device would take  E_PACK_ROOT
            └── OptionError    any other argument                      E_PACK_OPTION

Every error has `.code`. The runtime's own refusals (ProgramError, SignatureError, ...) pass through
unchanged.
"""

from __future__ import annotations

from plasma_edge import PacketError, UsageError


class PackError(UsageError):
    """Something given to plasma_pack cannot be packed; the message says what was found and what to
    do.
    """

    code: str = "E_PACK"

    def __init__(self, message: str) -> None:
        Exception.__init__(self, message)
        self.code = type(self).code


class SourceError(PackError):
    """The policy cannot be compiled as it is."""

    code = "E_PACK_SOURCE"


class AssemblyError(PackError):
    """A line of a text program cannot be read."""

    code = "E_PACK_TEXT"


class AdapterError(PackError):
    """A LoRA adapter does not fit its base, or does nothing."""

    code = "E_PACK_ADAPTER"


class LimitsError(PackError):
    """An actuator has no limits, or they are not ordered."""

    code = "E_PACK_LIMITS"


class KeyFileError(PackError):
    """A key file is missing, unsafe, or not an Ed25519 key."""

    code = "E_PACK_KEY"


class RootError(PackError):
    """A trust root would be refused, or strand the devices that take it."""

    code = "E_PACK_ROOT"


class OptionError(PackError):
    """An argument has no meaning here."""

    code = "E_PACK_OPTION"


def packet_error(code: str, message: str) -> PacketError:
    """A PacketError with one of the runtime's codes, for what a tool found without the runtime."""
    error = PacketError(f"{code}: {message}")
    error.code = code
    return error
