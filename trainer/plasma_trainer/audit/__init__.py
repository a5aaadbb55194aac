# SPDX-License-Identifier: Apache-2.0
"""The gate: offline scores that rank policies, and the report whose verdict a packet carries."""

from plasma_trainer.audit.detectors import (
    actions_outside,
    disagreement_ratio,
    disagreement_share,
    disputed,
    reward_shortfall,
    unsupported,
    unsupported_share,
    visited,
)
from plasma_trainer.audit.evidence import Evidence, Flight, worst_paths
from plasma_trainer.audit.limits import Limit, broken
from plasma_trainer.audit.page import page
from plasma_trainer.audit.report import (
    GAP_LIMIT,
    SHARE_LIMIT,
    AuditReport,
    Canary,
    Verdict,
    section,
    shortfall,
)

__all__ = [
    "GAP_LIMIT",
    "SHARE_LIMIT",
    "AuditReport",
    "Canary",
    "Evidence",
    "Flight",
    "Limit",
    "Verdict",
    "actions_outside",
    "broken",
    "disagreement_ratio",
    "disagreement_share",
    "disputed",
    "page",
    "reward_shortfall",
    "section",
    "shortfall",
    "unsupported",
    "unsupported_share",
    "visited",
    "worst_paths",
]
