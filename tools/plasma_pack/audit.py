# SPDX-License-Identifier: Apache-2.0
"""The AUDIT section: what the adversarial audit found, signed into the packet. A failed audit is
never signed.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import cbor2
import numpy as np

from .errors import OptionError
from .format import MAX_AUDIT_BYTES, Section, Verdict

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
    findings = {str(key): _plain(value) for key, value in audit.items() if key != "verdict"}
    raw = _VERDICTS[verdict].to_bytes(4, "little") + cbor2.dumps(findings, canonical=True)
    if len(raw) > MAX_AUDIT_BYTES:
        raise OptionError(
            f"the audit has {len(raw)} bytes, expected at most {MAX_AUDIT_BYTES}; "
            "keep scores and thresholds, and the digest of the full report"
        )
    return {int(Section.AUDIT): raw}


def _plain(value: Any) -> Any:
    """Numbers, text, bytes, lists and maps of them; numpy values become plain ones."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple, np.ndarray)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return value.item()
    if value is None or isinstance(value, (bool, int, float, str, bytes)):
        return value
    raise OptionError(
        f"audit: a {type(value).__name__} cannot be signed; use numbers, text, lists and dicts"
    )
