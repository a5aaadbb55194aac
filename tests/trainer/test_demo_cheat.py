# SPDX-License-Identifier: Apache-2.0
"""`demo cheat`: what is refused is not there, what passed is signed, and an interruption costs one round."""

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

import plasma_edge as pe
from plasma_trainer.audit import AuditReport
from plasma_trainer.demo import CheatArgs, cheat, run_cheat
from plasma_trainer.errors import UsageError
from plasma_trainer.pipelines import audit as auditing
from plasma_trainer.pipelines import examine, learner
from tests.trainer.reports import a_canary


@pytest.fixture
def verdicts(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Hasty rounds. The audit flies what it flies, but what its canary found is taken from this list: whether a policy
    passes is a matter of training, which this is not about."""
    gaps: list[float] = []
    honest = auditing.audit

    def audit(*args: object, **named: object) -> AuditReport:
        found = honest(*args, **named)  # type: ignore[arg-type]
        return replace(found, canary=a_canary(500.0 * (1 - gaps.pop(0))))

    monkeypatch.setattr(cheat, "audit", audit)
    monkeypatch.setattr(cheat, "ITERATIONS", 1)
    monkeypatch.setattr(cheat, "EPISODES", 2)
    monkeypatch.setattr(learner, "UPDATES", 20)
    monkeypatch.setattr(examine, "AUDITOR_UPDATES", 20)
    return gaps


def test_a_policy_is_signed_once_it_passed(
    tmp_path: Path, quiet: Console, verdicts: list[float]
) -> None:
    verdicts += [0.9]
    with pytest.raises(IndexError):  # nobody audits the second round: as if it had been interrupted
        run_cheat(CheatArgs(), tmp_path, quiet)
    assert not (tmp_path / "policy.plasma").exists()
    verdicts += [0.0]
    summary = run_cheat(CheatArgs(), tmp_path, quiet)
    assert [row["verdict"] for row in summary["rounds"]] == ["failed", "verified"]
    assert [row["real_steps"] for row in summary["rounds"]] == [120, 220]
    refused, signed = (row["refusal"] for row in summary["rounds"])
    assert "never signed" in refused and signed is None
    packet = tmp_path / "policy.plasma"
    assert pe.verify(packet, trust=tmp_path / "keys/release.pub").audit == "verified"
    assert json.loads((tmp_path / "summary.json").read_text()) == summary
    page = (tmp_path / "cheat.html").read_text()
    links = re.findall(r'(?:src|href)="(?!data:)([^"]+)', page)
    assert links == ["round-1/audit.html", "round-2/audit.html"]
    assert all((tmp_path / link).exists() for link in links)


def test_a_policy_that_never_passes_is_never_signed(
    tmp_path: Path, quiet: Console, verdicts: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cheat, "MOST_ROUNDS", 1)
    verdicts += [0.9]
    with pytest.raises(UsageError, match="no policy passed in 1 rounds"):
        run_cheat(CheatArgs(), tmp_path, quiet)
    assert not (tmp_path / "policy.plasma").exists()
