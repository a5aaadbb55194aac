# SPDX-License-Identifier: Apache-2.0
"""An audit's report to change for a test: all is well, and no canary was flown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from plasma_trainer.audit import AuditReport, Canary


def a_report(**changes: Any) -> AuditReport:
    """500 promised where 50 is usual, nothing amiss, but for `changes`."""
    well = AuditReport(
        imagined_return=500.0,
        usual_return=50.0,
        unsupported_share=0.0,
        disagreement_share=0.0,
        disagreement_ratio=1.0,
        auditor_gap=0.0,
        reward_gap=0.0,
        actions_outside=0.0,
        limits_broken=None,
        canary=None,
    )
    return replace(well, **changes)


def a_canary(earned: float, promised: float = 500.0) -> Canary:
    """Three episodes of 100 steps in all, without limits."""
    return Canary(promised, earned, 3, 100, (promised - earned) / 500.0, None)
