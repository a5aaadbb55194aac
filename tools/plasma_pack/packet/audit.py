# SPDX-License-Identifier: Apache-2.0
"""The AUDIT section: what the adversarial audit found, signed into the packet. A failed audit is
never signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from plasma_pack.errors import OptionError
from plasma_pack.packet.cbor import encode_map
from plasma_pack.packet.format import MAX_AUDIT_BYTES, Section, Verdict

_VERDICTS = {"unverified": Verdict.UNVERIFIED, "verified": Verdict.VERIFIED}


def encode_audit(audit: Mapping[str, Any] | None) -> dict[int, bytes]:
    """{AUDIT: bytes}, or {} without an audit. Raises OptionError on a failed or unknown verdict."""
    if audit is None:
        return {}
    verdict = audit.get("verdict")
    if verdict == "failed":
        raise OptionError("the audit says 'failed'; a policy that failed its audit is never signed")
    if verdict not in _VERDICTS:
        raise OptionError(
            f"audit: found verdict {verdict!r}, expected one of {', '.join(_VERDICTS)}"
        )
    findings = {key: value for key, value in audit.items() if key != "verdict"}
    raw = _VERDICTS[verdict].to_bytes(4, "little") + encode_map(findings, "audit")
    if len(raw) > MAX_AUDIT_BYTES:
        raise OptionError(
            f"the audit has {len(raw)} bytes, expected at most {MAX_AUDIT_BYTES}; "
            "keep scores and thresholds, and the digest of the full report"
        )
    return {int(Section.AUDIT): raw}
