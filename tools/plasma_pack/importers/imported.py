# SPDX-License-Identifier: Apache-2.0
"""What every importer gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from plasma_pack.compiler.limits import LimitOptions
from plasma_pack.program.program import Array, Program


@dataclass(frozen=True)
class Imported:
    """A program, what its file says about itself, and what the file knows besides: action limits,
    observations for the self-test by name (None: any will do), and which weights to take where
    nobody says what the policy sees.
    """

    program: Program
    origin: Mapping[str, Any]
    limits: LimitOptions = LimitOptions()
    observations: Mapping[str, Array] | None = None
    weights: str = "auto"
