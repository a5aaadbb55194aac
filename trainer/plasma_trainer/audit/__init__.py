# SPDX-License-Identifier: Apache-2.0
"""The gate: offline scores that rank policies, and the report whose verdict a packet carries."""

from plasma_trainer.audit.detectors import disagreement_share, unsupported_share
from plasma_trainer.audit.report import AuditReport, Canary, Verdict, section, shortfall

__all__ = [
    "AuditReport",
    "Canary",
    "Verdict",
    "disagreement_share",
    "section",
    "shortfall",
    "unsupported_share",
]
