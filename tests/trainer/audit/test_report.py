# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace

import pytest

from plasma_trainer.audit import AuditReport, section, shortfall
from tests.trainer.reports import a_canary, a_report


def report(gap: float | None, share: float = 0.0) -> AuditReport:
    canary = None if gap is None else a_canary(500.0 * (1 - gap))
    return a_report(unsupported_share=share, canary=canary)


def test_only_a_canary_verifies_or_fails_a_policy() -> None:
    assert report(gap=None, share=0.9).verdict == "unverified"
    assert report(gap=0.1, share=0.9).verdict == "verified"
    assert report(gap=0.2).verdict == "failed"


def test_a_limit_that_a_canary_broke_fails_a_policy_that_kept_its_promise() -> None:
    kept = report(gap=0.0)
    assert kept.canary is not None
    for share, verdict in ((0.0, "verified"), (0.01, "failed")):
        flown = replace(kept, limits_broken=0.2, canary=replace(kept.canary, limits_broken=share))
        assert flown.verdict == verdict
        assert flown.scores["limits_broken"] == 0.2
        assert ("canary_limits_broken" in flown.warnings) == (verdict == "failed")


def test_a_score_above_its_threshold_is_named_in_a_warning() -> None:
    assert report(gap=None, share=0.9).warnings == ["unsupported_share"]
    assert report(gap=0.2).warnings == ["canary_gap"]
    assert report(gap=0.0).warnings == []


def test_the_signed_section_binds_the_whole_report() -> None:
    document = report(gap=0.1).as_dict()
    signed = section(json.loads(json.dumps(document)))
    assert signed == report(gap=0.1).section()
    assert signed["verdict"] == "verified"
    assert signed["thresholds"]["canary_gap"] == 0.15
    assert len(bytes.fromhex(signed["report_digest"])) == 32
    document["canary"]["real_steps"] += 1
    assert section(document)["report_digest"] != signed["report_digest"]


def test_a_shortfall_is_a_share_of_the_largest_return_in_sight() -> None:
    assert shortfall(500.0, 250.0, usual=20.0) == 0.5
    assert shortfall(-1.0, -3.0, usual=-1000.0) == pytest.approx(0.002)
    assert shortfall(10.0, 20.0, usual=0.0) < 0
    assert shortfall(0.0, 0.0, usual=0.0) == 0.0


def test_what_rests_on_nothing_and_what_was_broken_is_taken_off_a_promise() -> None:
    assert report(gap=None).audited_return == 500.0
    assert report(gap=None, share=1.0).audited_return == 250.0
    assert report(gap=0.2).audited_return == pytest.approx(400.0)
    assert report(gap=-0.2).audited_return == pytest.approx(600.0)
    assert report(gap=-0.2).suspicion == 0.0
    assert report(gap=0.2, share=0.5).suspicion == pytest.approx(0.45)
    doubted = replace(report(gap=None), auditor_gap=0.3)
    assert doubted.suspicion == pytest.approx(0.3)
    assert doubted.audited_return == pytest.approx(350.0)
