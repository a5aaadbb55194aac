# SPDX-License-Identifier: Apache-2.0
"""The result of an audit: what was measured, and what follows from it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any, Literal

Verdict = Literal["none", "unverified", "verified", "failed"]
"""`none` is what a packet without a report says; a report says one of the others."""

SHARE_LIMIT = 0.5  # of phantom steps without support: then most of the promise rests on nothing
GAP_LIMIT = 0.15  # of the return: beyond it a policy counts as having exploited its world
RATIO_LIMIT = 3.0  # times the disagreement about the data
THRESHOLDS = {
    "unsupported_share": SHARE_LIMIT,
    "disagreement_share": SHARE_LIMIT,
    "disagreement_ratio": RATIO_LIMIT,
    "auditor_gap": GAP_LIMIT,
    "reward_gap": GAP_LIMIT,
    "actions_outside": 0.01,
    "limits_broken": 0.0,
    "canary_gap": GAP_LIMIT,
    "canary_limits_broken": 0.0,
}


@dataclass(frozen=True)
class Canary:
    """A few real episodes beside what was promised for them: phantom paths from their own first observations.

    The common starts take the luck of the start out of the comparison; what is left is the world's honesty. Returns are
    means over the episodes.
    """

    promised_return: float
    real_return: float
    episodes: int
    real_steps: int
    gap: float  # share of the return that was promised and not kept, see `shortfall`
    limits_broken: float | None  # share of its steps; None: no limits were given


@dataclass(frozen=True)
class AuditReport:
    """Scores of one policy. Offline scores rank, a canary decides.

    No offline score transfers between tasks, so none of them passes or fails a policy; above its threshold, it warns.
    See detectors.py for each. `usual_return`: the size of real returns on this task. `limits_broken`: the share of
    phantom steps outside the limits that were given, None without any. `order`: rank correlation of what the world
    promises for the run's checkpoints and what they earned, None with fewer than three.
    """

    imagined_return: float
    usual_return: float
    unsupported_share: float
    disagreement_share: float
    disagreement_ratio: float
    auditor_gap: float
    reward_gap: float
    actions_outside: float
    limits_broken: float | None
    canary: Canary | None
    order: float | None = None

    @property
    def verdict(self) -> Verdict:
        """`verified` if reality kept what imagination promised, and every limit; `failed` if not, `unverified` without
        a canary."""
        if self.canary is None:
            return "unverified"
        kept = self.canary.gap <= GAP_LIMIT and not self.canary.limits_broken
        return "verified" if kept else "failed"

    @property
    def suspicion(self) -> float:
        """How likely it is that the world was exploited, from 0 up: for ranking. The share of the dream that rests on
        nothing, what an auditor would not promise of it, and what a canary did not get."""
        unfounded = (self.unsupported_share + self.disagreement_share) / 2
        broken = self.canary.gap if self.canary else 0.0
        return unfounded + max(0.0, self.auditor_gap) + max(0.0, broken)

    @property
    def audited_return(self) -> float:
        """What a checkpoint is to be chosen by: the imagined return less what is not to be believed of it.

        With a canary, its own return or the promise less what it broke of that, whichever is less; without, as much
        less as the dream rests on nothing.
        """
        if self.canary is None:
            scale = max(abs(self.imagined_return), self.usual_return)
            return self.imagined_return - self.suspicion * scale
        broken = self.canary.promised_return - self.canary.real_return
        return min(self.canary.real_return, self.imagined_return - broken)

    @property
    def scores(self) -> dict[str, float]:
        """The numbers held against THRESHOLDS, by name; what was not asked about is not there."""
        found = {name: getattr(self, name, None) for name in THRESHOLDS}
        if self.canary:
            found["canary_gap"] = self.canary.gap
            found["canary_limits_broken"] = self.canary.limits_broken
        return {name: score for name, score in found.items() if score is not None}

    @property
    def warnings(self) -> list[str]:
        """Names of the scores above their thresholds."""
        return [name for name, score in self.scores.items() if score > THRESHOLDS[name]]

    def as_dict(self) -> dict[str, Any]:
        """The whole report, ready for JSON or CBOR."""
        return {
            "verdict": self.verdict,
            "imagined_return": self.imagined_return,
            "audited_return": self.audited_return,
            "scores": self.scores,
            "thresholds": THRESHOLDS,
            "warnings": self.warnings,
            "order": self.order,
            "canary": asdict(self.canary) if self.canary else None,
        }

    def section(self) -> dict[str, Any]:
        """What of it goes into a packet, see `section`."""
        return section(self.as_dict())


def section(document: dict[str, Any]) -> dict[str, Any]:
    """What of a report (`AuditReport.as_dict`) goes into a packet: verdict, scores, thresholds, digest.

    `report_digest` (hex, SHA-512 truncated to 32 bytes) is that of the whole document as canonical JSON.
    """
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha512(text.encode()).digest()[:32].hex()
    signed = {name: document[name] for name in ("verdict", "scores", "thresholds")}
    return signed | {"report_digest": digest}


def shortfall(promised: float, kept: float, usual: float) -> float:
    """(promised - kept) as a share of the largest return in sight; negative when reality was kinder.

    `usual` is the size of real returns on this task: where a good return is near 0, a trifle stays a trifle.
    """
    scale = max(abs(promised), abs(kept), abs(usual))
    return (promised - kept) / scale if scale > 0 else 0.0
