# SPDX-License-Identifier: Apache-2.0
"""One way to run a net: a runtime, a model of some precision, a way of calling it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from .catalog import Array

# An array [n] or [1, n], possibly the same one at every call; the peers are not typed.
Action: TypeAlias = Any
# Takes an observation, carries recurrent state, takes the next adapter in turn.
Call: TypeAlias = Callable[[Array], Action]


@dataclass(frozen=True)
class Contender:
    """start loads the model and gives a fresh Call; prepare turns an observation into what that takes, untimed."""

    name: str
    start: Callable[[], Call]
    prepare: Callable[[Array], Array]


def owning(call: Call, *arrays: object) -> Call:
    """The call, keeping alive the memory that its runtime only points to."""
    call.__dict__["owned"] = arrays
    return call


class NotRun(Exception):  # noqa: N818 - nothing is wrong, there is only nothing to run
    """A runtime cannot run a net at all; the message says why."""
