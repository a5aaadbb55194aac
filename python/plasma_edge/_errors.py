"""Everything that can go wrong, as one tree.

PlasmaError
├── SignatureError   who signed it: altered bytes, unknown key, too few signers
├── PacketError      the container: not a packet, damaged, contradictory, self-test failed
├── ProgramError     the program: the validator could not prove that it may run
├── PolicyRefusal    a genuine packet that this device must not run: other base, channel, audit, budget
└── UsageError       the call: wrong observation, unknown adapter (also a ValueError)

Each carries `code`, the E_ name from cpp/include/plasma_edge/status.def. Messages say what was found,
what was expected and what to do.
"""

from __future__ import annotations


class PlasmaError(Exception):
    """Base of all errors of plasma_edge; `code` is its E_ name."""

    code: str = ""


class SignatureError(PlasmaError):
    """No sufficient set of trusted keys signed these bytes."""


class PacketError(PlasmaError):
    """The file is not a sound packet."""


class ProgramError(PlasmaError):
    """The program breaks a rule of the machine."""


class PolicyRefusal(PlasmaError):  # noqa: N818 - a refusal is not a malfunction
    """A genuine packet that this device must not run."""


class UsageError(PlasmaError, ValueError):
    """An argument does not fit."""

    code = "E_ARGUMENT"
