"""What the audit says is signed; a failed one never is."""

from __future__ import annotations

from typing import Any

import cbor2
import numpy as np
import pytest

from plasma_pack import OptionError
from plasma_pack.packet.audit import encode_audit
from plasma_pack.packet.format import Section


def test_the_verdict_stands_before_the_findings() -> None:
    raw = encode_audit({"verdict": "verified", "canary": np.float32(0.5), "scores": np.arange(2)})
    section = raw[Section.AUDIT]
    assert section[:4] == b"\x02\0\0\0"
    assert cbor2.loads(section[4:]) == {"canary": 0.5, "scores": [0, 1]}


def test_findings_are_canonical() -> None:
    one = encode_audit({"verdict": "unverified", "a": 1, "b": 2})
    assert one == encode_audit({"b": 2, "a": 1, "verdict": "unverified"})


def test_no_audit_is_no_section() -> None:
    assert encode_audit(None) == {}


@pytest.mark.parametrize(
    ("audit", "words"),
    [
        ({"verdict": "failed"}, "never signed"),
        ({"verdict": "good"}, "expected one of unverified, verified"),
        ({}, "found verdict None"),
        ({"verdict": "verified", "who": object()}, "a object cannot be signed"),
        ({"verdict": "verified", "log": "x" * 20_000}, "expected at most 16384"),
    ],
)
def test_what_must_not_be_signed_is_refused(audit: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionError, match=words):
        encode_audit(audit)
