# SPDX-License-Identifier: Apache-2.0
"""What a plan may cost."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields

from plasma_trainer.errors import UsageError

PREFIX = "PLASMA_PLAN_"


@dataclass(frozen=True)
class Budget:
    """Plans are rows of decisions, each held for `hold` steps: held actions go places that independent ones average
    out of (Pinneri et al., 2020), and a long future stays cheap.
    """

    plans: int = 128  # drawn in a round; kept by a beam; simulations of a tree
    rounds: int = 3  # of drawing
    decisions: int = 12  # the horizon, or the depth of a tree
    hold: int = 4
    elite: int = 12  # plans that a round of the cross-entropy method learns from

    @classmethod
    def of_environment(cls, **asked: int | None) -> Budget:
        """What was asked for, else PLASMA_PLAN_PLANS, _ROUNDS, ..., else the defaults. Raises UsageError."""
        found = {name: value for name, value in asked.items() if value is not None}
        for field in fields(cls):
            text = os.environ.get(PREFIX + field.name.upper())
            if text is not None and field.name not in found:
                if not (text.isdecimal() and int(text) > 0):
                    raise UsageError(
                        f"found {PREFIX}{field.name.upper()}={text}, expected a number above 0"
                    )
                found[field.name] = int(text)
        return cls(**found)
