# SPDX-License-Identifier: Apache-2.0
"""The gate: offline scores that rank policies, and the report whose verdict a packet carries."""

from plasma_trainer.audit.detectors import (
    disagreement_share,
    disputed,
    unsupported,
    unsupported_share,
)
from plasma_trainer.audit.report import (
    SHARE_LIMIT,
    AuditReport,
    Canary,
    Verdict,
    section,
    shortfall,
)

__all__ = [
    "SHARE_LIMIT",
    "AuditReport",
    "Canary",
    "Verdict",
    "disagreement_share",
    "disputed",
    "section",
    "shortfall",
    "unsupported",
    "unsupported_share",
]
