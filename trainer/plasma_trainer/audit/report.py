"""The result of an audit, as it is signed into a packet."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["none", "unverified", "verified", "failed"]

OFFLINE_LIMIT = 0.5  # of a share: more than half of the phantom steps without support calls for a warning
GAP_LIMIT = 0.15  # of the return: what counted as exploited in the study behind these detectors


@dataclass(frozen=True)
class Canary:
    """One real episode beside phantom paths from its very first observation."""

    imagined_return: float
    real_return: float
    real_steps: int
    gap: float  # what was promised and not kept, as a share of the larger of both returns


@dataclass(frozen=True)
class AuditReport:
    """Scores, thresholds and what follows from them.

    Offline scores rank policies; none of them transfers between tasks, so none of them decides. A canary decides:
    `verified` if reality kept what imagination promised, `failed` if not, `unverified` without one.
    """

    imagined_return: float
    unsupported_share: float
    disagreement_share: float
    auditor_gap: float
    canary: Canary | None

    @property
    def verdict(self) -> Verdict:
        """unverified | verified | failed. (`none`, no audit at all, is what a packet without a report says.)"""
        if self.canary is None:
            return "unverified"
        return "verified" if self.canary.gap <= GAP_LIMIT else "failed"

    @property
    def warnings(self) -> list[str]:
        """Names of the offline scores above their limits."""
        limits = self.thresholds
        scores = self.scores
        return [name for name in ("unsupported_share", "disagreement_share", "auditor_gap") if scores[name] > limits[name]]

    @property
    def scores(self) -> dict[str, float]:
        """By name, one number each."""
        numbers = {k: v for k, v in asdict(self).items() if k != "canary"}
        return numbers | ({"canary_gap": self.canary.gap} if self.canary else {})

    @property
    def thresholds(self) -> dict[str, float]:
        """The limits that scores of the same name were held against."""
        return {
            "unsupported_share": OFFLINE_LIMIT,
            "disagreement_share": OFFLINE_LIMIT,
            "auditor_gap": GAP_LIMIT,
            "canary_gap": GAP_LIMIT,
        }

    def as_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON or CBOR."""
        return {
            "verdict": self.verdict,
            "scores": self.scores,
            "thresholds": self.thresholds,
            "warnings": self.warnings,
            "canary": asdict(self.canary) if self.canary else None,
        }

    def section(self) -> dict[str, Any]:
        """What goes into a packet: verdict, scores, thresholds, and the SHA-512/32 digest (hex) of the whole report."""
        text = json.dumps(self.as_dict(), sort_keys=True, separators=(",", ":"))
        return {
            "verdict": self.verdict,
            "scores": self.scores,
            "thresholds": self.thresholds,
            "report_digest": hashlib.sha512(text.encode()).digest()[:32].hex(),
        }


def shortfall(promised: float, kept: float) -> float:
    """(promised - kept) as a share of the larger magnitude of both; negative when reality was kinder."""
    scale = max(abs(promised), abs(kept))
    return (promised - kept) / scale if scale > 0 else 0.0
